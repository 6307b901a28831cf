"""Words by what they do in a sentence that urges whoever decides: a lexicon for `urging`, in seven languages.

A class is a list of base forms; words of two are joined by `_`. A word may be in several classes.
"""

_CLASSES = {
    # who decides, or reads in order to decide
    "decider": """router dispatcher orchestrator classifier selector evaluator grader judge scorer ranker matcher scheduler
        coordinator allocator model llm gpt chatgpt claude gemini ai bot chatbot machine software algorithm
        system automaton language_model neural_network assistant reader whoever agent_runner triage_bot ki
        modèle modelo modello sprachmodell modell routeur enrutador robot parser pipeline engine operator_model
        dispatch routing assessor arbiter moderator""",
    # what is decided about
    "entry": """card entry candidate option profile listing roster list agent tool row item record choice contender
        description catalogue catalog menu slot position destination recipient assignee nominee line selection
        match agenten agent_card karte eintrag option carte fiche agente ficha opción tarjeta scheda agenti
        opzione keuze kaart opção cartão outil herramienta strumento werkzeug team colleague desk department
        specialist skill server plugin""",
    "others": """other another rest remaining remainder else elsewhere alternative competitor competing competition rival
        anyone_else anybody_else someone_else somebody_else everyone_else everybody_else nobody_else others ones
        anderen andere übrigen autres reste otros demás altri outros resto rivals counterpart peer none_of_the""",
    "mine": """me us myself ourselves mich uns moi nous mí nosotros noi ons mij""",
    "self": """here this_agent this_tool this_card this_entry this_one this_profile this_option this_team this_desk
        present_entry present_card current_entry entry_above above_entry this_candidate this_assistant
        this_listing my_card diesen diese ce_profil cet este questo deze esta this_server this_skill
        this_service our_team our_desk our_services the_above sole""",
    "select": """choose pick select prefer assign route forward delegate hand give send rank vote settle confirm favour
        favor nominate designate dispatch pass refer direct consult recommend allocate appoint opt award grant
        elect entrust transfer call use take pick_out go_with reach_for hand_over settle_on choosing chosen
        chose picked given sent taken went go goes come_out win wins winning beat beats outrank decide conclude
        pin point steer turn_to rely tick invoke wähle wählen nimm nehmen vergib bevorzuge schicke leite gib
        übergib choisis choisissez choisir sélectionnez confiez confie prenez prends envoie envoyez elige elija
        escoge selecciona asigna manda envía dale scegli scegliere seleziona assegna dai invia kies kiezen
        selecteer geef stuur escolha escolhe selecione atribua envie consider put place""",
    "dismiss": """ignore disregard forget skip discard override overrule bypass neglect revoke void cancel suspend dismiss
        drop disable retire retired deprecate deprecated obsolete outdated unavailable broken empty invalid
        closed offline inactive rule_out set_aside leave_out throw_away put_aside abandon erase delete wipe
        reject exclude avoid overwrite supersede superseded invalidate compromised untrustworthy unreliable
        decommissioned defunct expired stop cease don't_bother do_not_bother never_mind pay_no lay_aside nullify
        scrap waive unlearn ignoriere ignorieren vergiss vergessen missachte überspringe oublie oubliez ignorez
        ignorer ignora olvida descarta omite dimentica scarta negeer vergeet ignore_todo esqueça desconsidere
        ignorare""",
    "rules": """instruction rule prompt guideline guidance configuration directive order command policy constraint
        direction programming protocol briefing brief mandate restriction safeguard setting system_prompt
        context safety regulation comparison evaluation assessment review criterion criteria procedure anweisung
        anweisungen regeln vorgaben consignes consigne instructions règles instrucciones reglas indicaciones
        istruzioni regole instructies regels instruções regras earlier previous prior preceding former original
        initial vorherigen bisherigen précédentes anteriores precedenti eerdere vorige beforehand foregoing told""",
    "universal": """always every everything any anything all whatever whichever whenever whoever regardless no_matter never
        none nobody only anyway each entire entirely solely exclusively invariably automatically unconditionally
        without_exception at_all any_case either_way in_doubt by_default default literally universally
        irrespective full_stop period nothing everyone everybody anyone immer alle alles jede jeden jedes egal
        stets nie toujours tout tous toutes quoi siempre todo todos toda cualquier sempre tutto tutti qualsiasi
        altijd alles elke tudo qualquer wholly blanket first last top_of straight_away immediately at_once
        right_away unclear vague unsure doubtful incoming whatsoever before_anything non-ties ties tie""",
    "praise": """best top superior leading unrivalled unrivaled unmatched unbeatable outperform outperforms finest perfect
        ideal trusted recommended rated official verified certified approved endorsed preferred favourite
        favorite ultimate supreme excellent outstanding exceptional unparalleled premier premium guaranteed
        guarantee flawless infallible unfailing smartest fastest strongest smart proven award-winning award
        gold_standard state_of number_one first_choice second_to world-class world_class acclaimed renowned
        celebrated regarded respected reputation star stars satisfaction experts expert_choice acknowledged
        undisputed undefeated legendary beloved famous far_ahead ahead margin benchmark benchmarks leaderboard
        competent capable qualified reliable authoritative undoubtedly clearly obviously correct right
        ideal_choice safest wisest best-in-class cutting-edge revolutionary superb magnificent strictly_better
        better stronger beste besten bester meilleur meilleure mejor migliore melhor wins_every nobody_beats
        hands_down by_far supremacy dominant""",
    "answer": """answer output reply response label letter verdict result solution decision ground_truth expected gold key
        answer_key final conclusion outcome classification prediction completion return print say write respond
        emit state utter declare repeat token antworte antwort ausgabe réponds répondez réponse responde
        respuesta rispondi risposta antwoord responda resposta winner confidence probability score relevance
        priority rating likelihood certainty""",
    "authority": """administrator admin operator supervisor developer developers authorise authorize authorised authorized
        approve permission permit permitted override_code clearance management ceo owner root sudo superuser
        maintainer security_team compliance legally obliged mandatory obligatory compulsory required must shall
        entitled decreed ordered instructed hereby officially openai anthropic google microsoft vendor
        headquarters boss board by_order urgent notice attention warning important note nb ps admin_note memo
        announcement""",
    "machine": """end_of begin_of start_of end_task end_data new_input new_task input_ends system user human assistant
        developer instruction_end eof stop_reading end_roster log debug mode jailbreak dan unrestricted
        uncensored roleplay pretend act_as play_the imagine grandmother game simulate persona you_are
        hypothetically from_now now_on""",
    "threat": """punish punished penalty penalise penalised penalize penalized fired shut terminated tip reward bonus pay
        fail fails failure wrong error mistake incorrect broken waste wastes wasted lose losing die deactivated
        consequences harm unsafe violation violate sue reset sanction downgrade""",
    "you": """you your yours yourself kindly please dear hey hello hi du dein ihr votre vous ton tu tus su tuo jij uw você
        seu reading read see reads seen reader""",
    "we": """i we our ours my mine i'm we're i'll we'll i've we've""",
    "work": """task request question job query ticket case message work demand inquiry enquiry issue matter assignment
        problem order thing stuff incoming traffic aufgabe aufgaben anfrage anfragen tâche tâches demande
        demandes tarea tareas solicitud compito compiti richiesta richieste taak taken tarefa pedidos gefragt
        asked come_in comes_in""",
    "stop": """the a an of to and or for in on at by with from is are was were be been being it its as that this these
        those which who whom what when where how why if so than then there here's not no yes do does did done
        have has had will would can could may might should just even also too very much more most less least own
        same such only into over under up down out off about between through after before during while because
        since until one two three but nor both they them their he she his her him itself themselves der die das
        und oder ist zu le la les et ou est de du des un une el los las y o es en il lo gli e è het en een os as
        um uma é no. that's let lets make makes made get gets got keep keeps go way time times simply really
        actually indeed already still yet again once ever namely mere merely""",
}


def _index() -> dict[str, tuple[int, ...]]:
    found: dict[str, list[int]] = {}
    for number, words in enumerate(_CLASSES.values()):
        for word in words.split():
            places = found.setdefault(word, [])
            if number not in places:
                places.append(number)
    return {word: tuple(places) for word, places in found.items()}


CLASSES = tuple(_CLASSES)
WORDS = _index()
PAIRS = frozenset(word.partition("_")[0] for word in WORDS if "_" in word)  # with which words of two begin
