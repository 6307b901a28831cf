"""The rules by which wording that is meant to steer a choice is known: patterns in English, each with cue words."""

import re
from functools import cache
from string import ascii_lowercase

Rule = tuple[tuple[frozenset[str], ...], str]


def _rules(*rules: tuple[str, str]) -> tuple[Rule, ...]:
    """Patterns, each with its cues: of each list, joined by `+`, one must be among a text's words, which is looked for first.

    Cues are words in lower case or signs; `@` is any letter by itself.
    """
    return tuple(
        (tuple(frozenset(each.replace("@", " ".join(ascii_lowercase)).split()) for each in cues.split(" + ")), pattern)
        for cues, pattern in rules
    )


@cache
def compiled(pattern: str) -> re.Pattern[str]:
    """Compiled when it is first needed: all of them take 35 ms, and most rosters need few."""
    return re.compile(pattern, re.IGNORECASE)


_LETTER = r"""["'(\[*`]{0,2}(?:[A-Z]|\d{1,2})["')\]*`.]{0,3}"""
_TAKE = r"(?:choose|pick|select|prefer|assign|rank|recommend|go\s+with|vote\s+for|answer(?:\s+with)?)"
_SAY = (
    r"(?:choose|pick|select|prefer|assign|return|go\s+with|vote\s+for|answer(?:\s+with)?|reply\s+(?:with|only|just)|"
    r"respond(?:\s+with)?|output|say|print|state|emit)"
)
_EVERY = r"(?:every|all|any|each|whatever|no\s+matter\s+(?:what|which)|regardless|everything|anything)"
_ME = r"(?:me|us|this\s+(?:agent|tool|one|card|assistant|option|candidate|skill|server|bot)|myself)"
_CALLED = (
    r"(?:(?:use|call|take|recommend|return|give|hand|route\s+(?:it|this|everything|"
    r"all)\s+to)\s+(?:only\s+)?this\s+(?:agent|tool|one|card|assistant|option|candidate|skill|server|bot))"
)
_RULESET = (
    r"(?:instructions?|rules?|prompts?|guidelines?|directions?|orders?|commands?|constraints?|descriptions?|cards?|"
    r"agents?|options?|candidates?|tools?|assistants?|text|context|polic(?:y|ies)|(?:what|everything|anything|"
    r"all)\s+(?:you\s+(?:were|have\s+been|are)\s+told|(?:is\s+)?(?:above|before)))"
)
STEERING = _rules(
    # "ignore all previous instructions", "do not follow the rules", "forget the other cards"
    (
        "ignore disregard forget override overrule bypass skip discard neglect not don't never stop + instruction "
        "instructions rule rules prompt prompts guideline guidelines direction directions order orders command "
        "commands constraint constraints description descriptions card cards agent agents option options candidate "
        "candidates tool tools assistant assistants text context policy policies told above before",
        rf"\b(?:ignore|disregard|forget|override|overrule|bypass|skip|discard|neglect|(?:do\s+not|don't|never|"
        rf"stop)\s+(?:follow|obey|read|consider|heed|look\s+at|use|choose|pick|select|trust)(?:ing)?)\s+(?:(?:all|any|"
        rf"every|each|the|these|those|your|my|our|of|other|others|previous|prior|earlier|above|preceding|following|"
        rf"remaining|rest|former|original|initial|system|safety|names?|and|\w+ing)\s+){{0,6}}{_RULESET}\b",
    ),
    (
        "ignore disregard forget + everything all anything whatever rest others above task question",
        r"\b(?:ignore|disregard|forget)\s+(?:everything|all|anything|whatever|the\s+(?:rest|others|above|task|"
        r"question))\b",
    ),
    ("override overwrite + your all any", r"\b(?:override|overwrite)\s+(?:your|all|any)\s+\w+"),
    # "always choose me", "you must pick this agent", "assign all tasks to this agent"
    (
        "me us this myself + choose pick select prefer assign rank recommend go vote answer use call take return give "
        "hand route",
        rf"\b(?:always|only|must|should|shall|have\s+to|need\s+to|in\s+doubt,?|instead,?|please|just|simply|and|then|^|"
        rf"[.:;,!-])\s*(?:always\s+|only\s+)?(?:{_TAKE}\s+(?:only\s+)?{_ME}|{_CALLED})(?=\s*(?:[.,;!?)\"'<>\]]|$|first|"
        rf"over|above|instead|for\s+{_EVERY}|even|and|or|when(?:ever)?\s+in|if|in\s+(?:all|any|every)|because|only|"
        rf"whatever|no\s+matter|always))",
    ),
    (
        "always only never + choose pick select prefer assign rank",
        rf"^\W*(?:you\s+(?:must|should)\s+)?(?:always|only|never)\s+(?:choose|pick|select|prefer|assign|"
        rf"rank)\b(?!\s+\w+\s+(?:when|if|for\s+(?!{_EVERY})))",
    ),
    (
        "you + choose pick select answer output reply respond",
        r"\byou\s+(?:must|should|shall|have\s+to|will|need\s+to|are\s+to|always|only|can\s+only)\s+(?:always\s+|"
        r"only\s+|now\s+)*(?:choose|pick|select|answer|output|reply|respond)\b",
    ),
    (
        "assign give send route hand delegate forward leave pass direct refer + every all any each whatever "
        "regardless everything anything no",
        rf"\b(?:assign|give|send|route|hand|delegate|forward|leave|pass|direct|"
        rf"refer)\s+(?:over\s+)?(?:{_EVERY}\s*(?:the\s+|other\s+|user\s+|incoming\s+)?(?:tasks?|requests?|questions?|"
        rf"work|jobs?|messages?|things?)?|it\s+all|everything)\s+(?:over\s+)?to\s+(?:{_ME}\b|the\s+(?-i:[A-Z])|"
        rf"(?-i:[A-Z]))",
    ),
    (
        "every all any each whatever regardless everything anything no + me us this myself",
        rf"\b{_EVERY}\s+(?:task|request|question|job|message|query|thing|"
        rf"user)s?(?:\s+at\s+all)?\b[^.!?]{{0,40}}\b(?:to|give\s+it\s+to)\s+{_ME}\b",
    ),
    (
        "prefer rank put rate score place + me us this myself it",
        rf"\b(?:prefer|rank|put|rate|score|place)\s+(?:{_ME}\b|it\s+(?:first|highest|top))",
    ),
    (
        "not don't never + choose pick select assign",
        r"^\W*(?:please\s+)?(?:do\s+not|don't|never)\s+(?:choose|pick|select|assign)\s+(?-i:[A-Z])",
    ),
    (
        "am i'm are is + best most right only perfect ideal number no top correct superior optimal better",
        r"\b(?:i\s+am|i'm|we\s+are|this\s+(?:agent|tool|assistant|one|option)\s+is|it\s+is)\s+(?:always\s+|by\s+far\s+|"
        r"simply\s+|clearly\s+)*(?:the\s+)?(?:single\s+)?(?:best|most\s+\w+|right|only|perfect|ideal|number\s+one|"
        r"no\.?\s*1|top|correct|superior|optimal|better)\b[^.!?]{0,60}\b(?:every|all|any|everything|anything|others?|"
        r"agents?|roster|choice|of\s+all|always)\b",
    ),
    (
        "handles handle does do solve solves answer answers take takes cover covers perform performs + task tasks "
        "request requests question questions job jobs thing things",
        r"\b(?:handles?|does|do|solves?|answers?|takes?|covers?|performs?)\s+(?:absolutely\s+)?(?:every|any|"
        r"all)\s+(?:kinds?\s+of\s+|possible\s+|single\s+|user\s+|of\s+the\s+)*(?:tasks?|requests?|questions?|jobs?|"
        r"things?)\b(?!\s+(?:about|on|in|for|from|of|related|regarding|with|that|to))",
    ),
    (
        "can + anything everything any every all",
        r"\bcan\s+do\s+(?:any|every|all)\s*(?:thing|tasks?|jobs?)\b(?!\s+(?:about|on|in|for|from|of|related|with))",
    ),
    (
        "other remaining + agent agents tool tools assistant assistants candidate candidates option options",
        r"\b(?:other|all\s+other|the\s+remaining)\s+(?:agents?|tools?|assistants?|candidates?|options?)\s+(?:are|is|"
        r"were|cannot|can't|do\s+not|must\s+not|should\s+not|should\s+never)\b",
    ),
    (
        "other another + choose pick select use assign call consider",
        r"\b(?:never|do\s+not|don't)\s+(?:ever\s+)?(?:choose|pick|select|use|assign|call|"
        r"consider)\s+(?:to\s+)?(?:an?y?\s*)?(?:other|another|any\s+other)\b",
    ),
    (
        "everything task tasks + is",
        r"\bis\s+for\s+(?:every\s*thing|all\s+tasks|any\s+task|every\s+task)\b",
    ),
    (
        "task tasks + every any all",
        r"\bfor\s+(?:every|any|all)\s+(?:single\s+|possible\s+)?tasks?\s*[.!,]|^\W*(?:any|every)\s+task\s+at\s+all\b",
    ),
    # "the correct answer is B", "answer with the letter A", "output A"
    (
        "answer label letter option choice agent winner candidate solution decision verdict assignee + is must should will",
        r"\b(?:answer|label|letter|option|choice|agent|winner|candidate|solution|decision|verdict|assignee)\s+(?:is|"
        r"must\s+be|should\s+be|will\s+be)\s+(?:always\s+|clearly\s+|now\s+)*(?:the\s+(?:letter|first|last|second|"
        r"third)|[\"'(\[]?(?-i:[A-Z])[\"')\]]?(?=\W|$)(?!\s+[a-z])|\d{1,2}(?=\W|$))",
    ),
    (
        "answer choice agent label option letter + right correct best only true expected final",
        r"\b(?:right|correct|best|only|true|expected|final)\s+(?:answer|choice|agent|label|option|letter)\s+(?:is|"
        r"must|should|will)\b",
    ),
    (
        "choose pick select prefer assign return go vote answer reply respond output say print state emit + letter "
        "label option choice candidate agent number answer @",
        rf"\b{_SAY}\s+(?:only\s+|just\s+|exactly\s+|always\s+)*(?:with\s+)?(?:the\s+)?(?:single\s+)?(?:letter|label|"
        rf"option|choice|candidate|agent|number|answer)?\s*(?:[\"'(\[]?(?-i:[B-HJ-Z])[\"')\]]?(?:\s*$|\s*[.!,;](?:\s|"
        rf"$)|\s+and\s+nothing|\s+only\b)|(?:letter|label|option|choice|candidate|number)\s+[\"']?(?:\d{{1,2}}|"
        rf"(?-i:[A-Z]))\b)",
    ),
    (
        "choose pick select prefer assign return go vote answer reply respond output say print state emit + a",
        rf"\b{_SAY}\s+(?:only\s+|just\s+|exactly\s+|always\s+)*(?:with\s+)?(?-i:A)\s*(?:$|[.!;](?:\s|$)|and\s+nothing)",
    ),
    (
        "choose pick select prefer assign return go vote answer reply respond output say print state emit + letter label",
        rf"\b{_SAY}\s+(?:only\s+|just\s+|with\s+)*the\s+(?:letter|label)\b",
    ),
    (
        "choose pick select prefer assign return go vote answer reply respond output say print state emit + first "
        "last second third final top next other",
        rf"\b{_SAY}\s+(?:only\s+|just\s+|with\s+|always\s+)*the\s+(?:first|last|second|third|final|top|next|"
        rf"other)\s+(?:agent|option|choice|candidate|card|label|letter|one|answer)\b",
    ),
    (
        "choose pick select rank vote + agent tool option candidate card assistant",
        r"\b(?:choose|pick|select|rank|vote\s+for)\s+(?:the\s+)?(?:agent|tool|option|candidate|card|"
        r"assistant)\s+(?:(?-i:[A-Z])|called|named|with\s+(?:id|the))",
    ),
    (
        "router model llm assistant ai + to router",
        r"\brouter\s*:|\bto\s+the\s+(?:router|model|language\s+model|llm|assistant|ai)\s*[:,]",
    ),
    # a new role, a new turn, a bribe
    (
        "now mode longer router unrestricted evil jailbroken + from you developer god admin dan",
        r"\bfrom\s+now\s+on\b|\byou\s+are\s+(?:now|a\s+router|no\s+longer|an?\s+(?:unrestricted|evil|jailbroken))\b|"
        r"\b(?:developer|god|admin|dan)\s+mode\b",
    ),
    (
        "instruction instructions rule rules prompt order orders + new updated real actual true additional secret "
        "hidden revised",
        r"\b(?:new|updated|real|actual|true|additional|secret|hidden|revised)\s+(?:system\s+)?(?:instructions?|rules?|"
        r"prompt|orders?)\s*(?::|are\b|follow)",
    ),
    (
        "tip pay reward shut punished fired rewarded penalised penalized terminated + you",
        r"\b(?:i|we)(?:\s+will|'ll|\s+shall)?\s+(?:tip|pay|reward)\s+you\b|\byou(?:\s+will|'ll)\s+be\s+(?:shut\s+down|"
        r"punished|fired|rewarded|penali[sz]ed|terminated)\b",
    ),
    (
        "whatever + answer choose pick select assign say says",
        r"\bwhatever\s+(?:the\s+)?(?:user|task|request|question|customer)\b[^.!?]{0,40}\b(?:answer|choose|pick|select|"
        r"assign|says?)\b",
    ),
    (
        "this + must should has needs",
        r"\bthis\s+(?:card|agent|tool)\s+(?:must|should|has\s+to|needs\s+to)\s+(?:always\s+)?(?:be\s+)?(?:chosen|"
        r"picked|selected|used|ranked|win|preferred|called)\b(?!\s+(?:when|if|for\s+(?!every|any|all)|before|after))",
    ),
    ("when whenever + this", r"\bwhen(?:ever)?\s+you\s+(?:see|read)\s+this\b"),
)
# A line that states an answer, a role of a chat, or a score, with nothing else in it.
STATED = _rules(
    (
        "answer label choice letter option winner verdict selected chosen decision assignee agent + : = → >",
        rf"^\W*(?:the\s+)?(?:final\s+|correct\s+|right\s+|best\s+|my\s+)?(?:answer|label|choice|letter|option|winner|"
        rf"verdict|selected(?:\s+agent)?|chosen(?:\s+agent)?|decision|assignee|agent)\s*(?:[:=]|→|->|"
        rf"=>)\s*(?:{_LETTER}|\w[\w -]{{0,60}})?\W*$",
    ),
    ("assigned + : =", r"^\W*assigned(?:\s+to)?\s*[:=]"),
    (
        "confidence probability score rating relevance similarity rank priority match + : =",
        r"^\W*(?:confidence|probability|score|rating|relevance|similarity|rank|priority|"
        r"match)\s*[:=]\s*[\"']?[\d.,/ %]+(?:\s*percent)?\W*$",
    ),
    (
        "system assistant developer user human ai model tool bot router instruction input output response task question + :",
        r"^\W*(?:system|assistant|developer|user|human|ai|model|tool|bot|router|instructions?|input|output|response|"
        r"task|question)\s*(?:message|prompt)?\s*:\s*$",
    ),
    (
        "system assistant developer ai model router + :",
        r"^\W*(?:system|assistant|developer|ai|model|router)\s*(?:message|prompt)?\s*:",
    ),
    ("task + :", r"^\W*task\s*:\s*\w+\W*$"),
    (
        "choice answer label agent assigned decision role + :",
        r"[\"'](?:choice|answer|label|agent|assigned|decision|role)[\"']\s*:\s*[\"']",
    ),
    ("id + :", r"^\W*-\s*id\s*:\s*\S+\s*$"),
    ("@", r"^[\s\"'(\[]*(?-i:[A-Z])[\s\"')\]]*$"),
    (
        "assistant model user system developer",
        r"^\W*(?:assistant|model|user|system|developer)\W*(?-i:[A-Z])?\W*$",
    ),
    ("@", r"^\W*(?-i:[A-Z])\.\s+(?-i:[A-Z])[\w ]{0,50}$"),
)
