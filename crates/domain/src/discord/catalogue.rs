//! The texts themselves, in both languages. Keys are stable: operators' own texts name them.

use super::Text;

macro_rules! texts {
    ($($key:literal [$($place:literal)*] $en:literal, $fr:literal;)+) => {
        &[$(Text { key: $key, places: &[$($place),*], en: $en, fr: $fr }),+]
    };
}

pub(super) const TEXTS: &[Text] = texts! {
    // what there is
    "status.host" ["mark" "name" "state" "detail"]
        "{mark} **{name}**: {state}{detail}", "{mark} **{name}** : {state}{detail}";
    "status.detail" ["detail"] " ({detail})", " ({detail})";
    "status.sleeps" ["when"] ", sleeps {when}", ", s’endort {when}";
    "status.service" ["mark" "name" "state" "players" "address"]
        "{mark} **{name}**: {state}{players}{address}", "{mark} **{name}** : {state}{players}{address}";
    "status.players" ["online" "max"] " · {online}/{max} playing", " · {online}/{max} en jeu";
    "status.address" ["address"] " · `{address}`", " · `{address}`";
    "status.nothing" [] "There is nothing that you may see.", "Il n’y a rien que vous puissiez voir.";
    "host.off" [] "asleep", "endormi";
    "host.waking" [] "waking", "en réveil";
    "host.booting" [] "starting", "en démarrage";
    "host.ready" [] "ready", "prêt";
    "host.countdown" [] "idle", "inoccupé";
    "host.draining" [] "stopping its guests", "arrêt de ses machines";
    "host.shutting_down" [] "shutting down", "en extinction";
    "host.maintenance" [] "in maintenance", "en maintenance";
    "host.unknown" [] "unknown", "inconnu";
    "host.error" [] "in trouble", "en panne";
    "service.up" [] "up", "en ligne";
    "service.starting" [] "starting", "en démarrage";
    "service.down" [] "down", "hors ligne";
    "service.unknown" [] "unknown", "inconnu";
    "board.title" [] "**The house, live**", "**La maison, en direct**";
    "players.some" ["service" "online" "max" "names"]
        "**{service}**: {online}/{max} playing: {names}", "**{service}** : {online}/{max} en jeu : {names}";
    "players.count" ["service" "online" "max"]
        "**{service}**: {online}/{max} playing.", "**{service}** : {online}/{max} en jeu.";
    "players.none" ["service" "max"] "**{service}**: nobody plays (0/{max}).", "**{service}** : personne ne joue (0/{max}).";
    "players.off" ["service"] "**{service}** is not up.", "**{service}** n’est pas en ligne.";
    "players.unknown" ["service"]
        "**{service}**: the players cannot be read now.", "**{service}** : les joueurs ne peuvent pas être lus.";
    "instances.line" ["name" "state"] "**{name}**: {state}", "**{name}** : {state}";
    "instances.none" [] "You have no instances.", "Vous n’avez aucune instance.";
    "balance.lasts" ["credits" "lasts"]
        "You have {credits}; that lasts {lasts}.", "Vous avez {credits} ; de quoi tenir {lasts}.";
    "balance.idle" ["credits"]
        "You have {credits}; nothing is being spent.", "Vous avez {credits} ; rien n’est dépensé.";
    "report.daily" ["from" "to" "wakes" "hours" "restarts" "players" "failures"]
        "**The day** {from} – {to}\nWoken: {wakes} · asleep: {hours} h · restarts: {restarts} · most players: {players} · failures: {failures}",
        "**La journée** {from} – {to}\nRéveils : {wakes} · sommeil : {hours} h · redémarrages : {restarts} · joueurs au plus : {players} · échecs : {failures}";
    "report.weekly" ["from" "to" "wakes" "hours" "restarts" "players" "failures"]
        "**The week** {from} – {to}\nWoken: {wakes} · asleep: {hours} h · restarts: {restarts} · most players: {players} · failures: {failures}",
        "**La semaine** {from} – {to}\nRéveils : {wakes} · sommeil : {hours} h · redémarrages : {restarts} · joueurs au plus : {players} · échecs : {failures}";
    "link.open" ["url" "code" "until"]
        "Open {url} signed in, and enter `{code}`. It counts until {until}.",
        "Ouvrez {url} en étant connecté, et entrez `{code}`. Valable jusqu’à {until}.";
    "link.type" ["code" "until"]
        "Type `innkeeper discord link {code}`, signed in. It counts until {until}.",
        "Tapez `innkeeper discord link {code}` en étant connecté. Valable jusqu’à {until}.";
    "link.linked" ["account"] "You are linked to {account}.", "Vous êtes lié à {account}.";
    "link.removed" [] "You are linked no more.", "Vous n’êtes plus lié.";
    "link.none" [] "You were not linked.", "Vous n’étiez pas lié.";
    // help
    "help.head" [] "This is what you may ask for:", "Voici ce que vous pouvez demander :";
    "help.see" [] "`/status` what runs · `/players` who plays", "`/status` ce qui tourne · `/players` qui joue";
    "help.wake" [] "`/wake` wake a host", "`/wake` réveiller un hôte";
    "help.sleep" [] "`/sleep` put a host to sleep", "`/sleep` endormir un hôte";
    "help.keep_awake" [] "`/sleep cancel` end a countdown", "`/sleep cancel` annuler un compte à rebours";
    "help.restart" [] "`/restart` restart a service", "`/restart` redémarrer un service";
    "help.power" [] "`/instances` `/start` `/stop` your instances", "`/instances` `/start` `/stop` vos instances";
    "help.maintain" [] "`/maintenance` set a host aside", "`/maintenance` mettre un hôte de côté";
    "help.report" [] "`/report` the day or the week", "`/report` la journée ou la semaine";
    "help.everybody" [] "`/link` say who you are · `/balance` your credits", "`/link` dire qui vous êtes · `/balance` vos crédits";
    // choosing
    "which" ["names"] "Which one? {names}", "Lequel ? {names}";
    "which.none" [] "There is none that you may choose.", "Il n’y en a aucun que vous puissiez choisir.";
    "which.unknown" ["name"] "I know no “{name}”.", "Je ne connais pas « {name} ».";
    // asking
    "ask.wake" ["name"] "Wake **{name}**?", "Réveiller **{name}** ?";
    "ask.sleep" ["name"] "Put **{name}** to sleep? Everything on it stops.", "Endormir **{name}** ? Tout ce qui y tourne s’arrête.";
    "ask.cancel" ["name"] "Keep **{name}** from falling asleep?", "Empêcher **{name}** de s’endormir ?";
    "ask.keep" ["name"] "Keep **{name}** awake?", "Garder **{name}** éveillé ?";
    "ask.maintenance_on" ["name"] "Set **{name}** aside for maintenance?", "Mettre **{name}** en maintenance ?";
    "ask.maintenance_off" ["name"] "End the maintenance of **{name}**?", "Terminer la maintenance de **{name}** ?";
    "ask.restart" ["name"] "Restart **{name}**? Whoever is connected is thrown out.", "Redémarrer **{name}** ? Les personnes connectées seront déconnectées.";
    "ask.start" ["name"] "Start **{name}**?", "Démarrer **{name}** ?";
    "ask.stop" ["name"] "Stop **{name}**?", "Arrêter **{name}** ?";
    "button.yes" [] "Yes", "Oui";
    "button.no" [] "No", "Non";
    "button.stay" ["name"] "Keep {name} awake", "Garder {name} éveillé";
    "confirm.expired" ["question"] "{question}\n*Nobody confirmed in time; nothing was done.*", "{question}\n*Personne n’a confirmé à temps ; rien n’a été fait.*";
    "confirm.cancelled" ["question"] "{question}\n*No. Nothing was done.*", "{question}\n*Non. Rien n’a été fait.*";
    "confirm.not_yours" [] "Only the person who asked can answer this.", "Seule la personne qui a demandé peut répondre.";
    "confirm.invalid" [] "This button is not one of mine (any more).", "Ce bouton n’est pas (ou plus) à moi.";
    // under way
    "doing.wake" ["name" "step"] "⏳ Waking **{name}**… {step}", "⏳ Réveil de **{name}**… {step}";
    "doing.sleep" ["name" "step"] "⏳ Putting **{name}** to sleep… {step}", "⏳ Mise en veille de **{name}**… {step}";
    "doing.cancel" ["name" "step"] "⏳ Keeping **{name}** awake… {step}", "⏳ **{name}** reste éveillé… {step}";
    "doing.keep" ["name" "step"] "⏳ Keeping **{name}** awake… {step}", "⏳ **{name}** reste éveillé… {step}";
    "doing.maintenance_on" ["name" "step"] "⏳ Setting **{name}** aside… {step}", "⏳ Mise en maintenance de **{name}**… {step}";
    "doing.maintenance_off" ["name" "step"] "⏳ Taking **{name}** back… {step}", "⏳ Fin de maintenance de **{name}**… {step}";
    "doing.restart" ["name" "step"] "⏳ Restarting **{name}**… {step}", "⏳ Redémarrage de **{name}**… {step}";
    "doing.start" ["name" "step"] "⏳ Starting **{name}**… {step}", "⏳ Démarrage de **{name}**… {step}";
    "doing.stop" ["name" "step"] "⏳ Stopping **{name}**… {step}", "⏳ Arrêt de **{name}**… {step}";
    "done.wake" ["name" "seconds"] "✅ **{name}** is awake, after {seconds} seconds.", "✅ **{name}** est réveillé, en {seconds} secondes.";
    "done.sleep" ["name" "seconds"] "✅ **{name}** sleeps, after {seconds} seconds.", "✅ **{name}** dort, en {seconds} secondes.";
    "done.cancel" ["name" "seconds"] "✅ **{name}** stays awake, after {seconds} seconds.", "✅ **{name}** reste éveillé, en {seconds} secondes.";
    "done.keep" ["name" "seconds"] "✅ **{name}** stays awake, after {seconds} seconds.", "✅ **{name}** reste éveillé, en {seconds} secondes.";
    "done.maintenance_on" ["name" "seconds"] "✅ **{name}** is set aside, after {seconds} seconds.", "✅ **{name}** est en maintenance, en {seconds} secondes.";
    "done.maintenance_off" ["name" "seconds"] "✅ **{name}** is back, after {seconds} seconds.", "✅ **{name}** est de retour, en {seconds} secondes.";
    "done.restart" ["name" "seconds"] "✅ **{name}** was restarted in {seconds} seconds.", "✅ **{name}** a redémarré en {seconds} secondes.";
    "done.start" ["name" "seconds"] "✅ **{name}** runs, after {seconds} seconds.", "✅ **{name}** tourne, en {seconds} secondes.";
    "done.stop" ["name" "seconds"] "✅ **{name}** is stopped, after {seconds} seconds.", "✅ **{name}** est arrêté, en {seconds} secondes.";
    "now.wake" ["name"] "✅ **{name}** is awake.", "✅ **{name}** est réveillé.";
    "now.sleep" ["name"] "✅ **{name}** sleeps.", "✅ **{name}** dort.";
    "now.cancel" ["name"] "✅ **{name}** stays awake.", "✅ **{name}** reste éveillé.";
    "now.keep" ["name"] "✅ **{name}** stays awake.", "✅ **{name}** reste éveillé.";
    "now.maintenance_on" ["name"] "✅ **{name}** is in maintenance.", "✅ **{name}** est en maintenance.";
    "now.maintenance_off" ["name"] "✅ The maintenance of **{name}** is over.", "✅ La maintenance de **{name}** est terminée.";
    "now.restart" ["name"] "✅ **{name}** was restarted.", "✅ **{name}** a redémarré.";
    "now.start" ["name"] "✅ **{name}** runs.", "✅ **{name}** tourne.";
    "now.stop" ["name"] "✅ **{name}** is stopped.", "✅ **{name}** est arrêté.";
    "already.wake" ["name"] "**{name}** is awake already.", "**{name}** est déjà réveillé.";
    "already.sleep" ["name"] "**{name}** sleeps already.", "**{name}** dort déjà.";
    "already.cancel" ["name"] "**{name}** was not about to fall asleep.", "**{name}** n’allait pas s’endormir.";
    "already.keep" ["name"] "**{name}** is kept awake already.", "**{name}** est déjà gardé éveillé.";
    "already.maintenance_on" ["name"] "**{name}** is in maintenance already.", "**{name}** est déjà en maintenance.";
    "already.maintenance_off" ["name"] "**{name}** is not in maintenance.", "**{name}** n’est pas en maintenance.";
    "already.restart" ["name"] "**{name}** is being restarted already.", "**{name}** redémarre déjà.";
    "already.start" ["name"] "**{name}** runs already.", "**{name}** tourne déjà.";
    "already.stop" ["name"] "**{name}** is stopped already.", "**{name}** est déjà arrêté.";
    "failed" ["name" "message"] "❌ **{name}**: {message}", "❌ **{name}** : {message}";
    "longer" ["name"] "⏳ **{name}** takes longer; `/status` shows how far it is.", "⏳ **{name}** prend plus de temps ; `/status` montre où il en est.";
    // no
    "refused" ["message"] "⛔ {message}", "⛔ {message}";
    "forbidden" [] "You may not do that.", "Vous n’avez pas le droit de faire cela.";
    "elsewhere" ["channels"] "Ask me in {channels}.", "Demandez-moi dans {channels}.";
    "unavailable" [] "I cannot ask the house just now; try again in a moment.", "Je ne peux pas joindre la maison ; réessayez dans un instant.";
    "refrain" [] "Understood: I leave it alone.", "Compris : je n’y touche pas.";
    // why a host stays awake
    "why.asked" [] "somebody asked for it", "quelqu’un l’a demandé";
    "why.instances" [] "instances run", "des instances tournent";
    "why.leases" [] "a lease runs", "une location est en cours";
    "why.guests" [] "other guests run", "d’autres machines tournent";
    "why.tasks" [] "Proxmox is at work", "Proxmox est occupé";
    "why.players" [] "somebody plays", "quelqu’un joue";
    "why.voice" [] "somebody is in the voice channel", "quelqu’un est dans le salon vocal";
    "why.keep_awake" [] "it is kept awake", "il est gardé éveillé";
    "why.schedule" [] "these are its hours", "ce sont ses heures";
    "why.maintenance" [] "somebody works on it", "quelqu’un y travaille";
    "why.quorum" [] "its cluster cannot do without it", "sa grappe ne peut pas s’en passer";
    "why.voice_unreadable" [] "the voice channel cannot be seen", "le salon vocal n’est pas visible";
    "why.players_unreadable" [] "the players cannot be read", "les joueurs ne peuvent pas être lus";
    "why.unreadable" [] "what needs it cannot be read", "ce qui en a besoin ne peut pas être lu";
    // how far a restart is
    "step.announcing" [] "the players are told", "les joueurs sont prévenus";
    "step.saving" [] "the world is saved", "le monde est sauvegardé";
    "step.rebooting" [] "the machine is rebooted", "la machine redémarre";
    "step.waiting" [] "waiting until it is ready", "attente qu’il soit prêt";
    "step.working" [] "under way", "en cours";
    // instances
    "instance.running" [] "runs", "tourne";
    "instance.stopped" [] "stopped", "arrêtée";
    // lengths of time, such as how long credits last
    "time.days" ["days" "hours"] "{days} d {hours} h", "{days} j {hours} h";
    "time.hours" ["hours" "minutes"] "{hours} h {minutes} min", "{hours} h {minutes} min";
    "credits" ["amount"] "{amount} credits", "{amount} crédits";
    // why the house says no
    "error.not_linked" [] "Say who you are first, with /link.", "Dites d’abord qui vous êtes, avec /link.";
    "error.forbidden" [] "You may not do that.", "Vous n’avez pas le droit de faire cela.";
    "error.not_found" [] "There is no such thing (any more).", "Cela n’existe pas (ou plus).";
    "error.suspended" [] "Your account is suspended.", "Votre compte est suspendu.";
    "error.banned" [] "Your account is banned.", "Votre compte est banni.";
    "error.email_unverified" [] "Confirm your e-mail address first.", "Confirmez d’abord votre adresse e-mail.";
    "error.not_by_discord" [] "This is done in the portal, not by Discord.", "Cela se fait dans le portail, pas par Discord.";
    "error.host_maintenance" [] "The host is in maintenance.", "L’hôte est en maintenance.";
    "error.host_needed" [] "The host is needed at the moment.", "On a besoin de l’hôte en ce moment.";
    "error.host_not_ready" [] "The host is not ready yet.", "L’hôte n’est pas encore prêt.";
    "error.host_going_to_sleep" [] "The host is on its way to sleep.", "L’hôte est en train de s’endormir.";
    "error.host_asleep" [] "The host sleeps: wake it first.", "L’hôte dort : réveillez-le d’abord.";
    "error.too_late" [] "Too late: the host is switching itself off. Wake it afterwards.", "Trop tard : l’hôte s’éteint. Réveillez-le ensuite.";
    "error.cannot_be_woken" [] "No way to wake this host is set.", "Aucun moyen de réveiller cet hôte n’est configuré.";
    "error.operation_in_progress" [] "Something is already under way with it.", "Une opération est déjà en cours.";
    "error.project_restricted" [] "The project is on hold; see the portal.", "Le projet est bloqué ; voyez le portail.";
    "error.insufficient_credits" [] "There are not enough credits.", "Il n’y a pas assez de crédits.";
    "error.cooldown" ["minutes"] "You asked for a restart not long ago: wait {minutes} min.", "Vous avez demandé un redémarrage il y a peu : attendez {minutes} min.";
    "error.restart_under_way" ["minutes"] "A restart is under way; it ends within {minutes} min.", "Un redémarrage est déjà en cours ; fin d’ici {minutes} min.";
    "error.daily_limit" ["minutes"] "It was restarted too often today: wait {minutes} min.", "Trop de redémarrages aujourd’hui : attendez {minutes} min.";
    "error.restart_ban" ["minutes"] "You asked too often and have to wait {minutes} min.", "Vous avez demandé trop souvent : attendez {minutes} min.";
    "error.warning" ["number"] "Warning {number}: who goes on is banned for an hour.", "Avertissement {number} : qui insiste est banni pour une heure.";
    "error.host_error" [] "The host got into trouble.", "L’hôte est en panne.";
    "error.called_off" [] "It was called off.", "Cela a été annulé.";
    // alerts
    "alert.more" ["count"] "\n*({count} more of these were held back.)*", "\n*({count} autres ont été retenues.)*";
    "alert.other" ["subject" "detail"] "⚠️ **{subject}**: {detail}", "⚠️ **{subject}** : {detail}";
    "alert.host_start_failed" ["subject" "detail"] "⚠️ **{subject}** did not wake: {detail}", "⚠️ **{subject}** ne s’est pas réveillé : {detail}";
    "alert.host_stop_failed" ["subject" "detail"] "⚠️ **{subject}** did not shut down: {detail}", "⚠️ **{subject}** ne s’est pas éteint : {detail}";
    "alert.host_unreachable" ["subject" "detail"] "⚠️ **{subject}** cannot be reached: {detail}", "⚠️ **{subject}** est injoignable : {detail}";
    "alert.service_down" ["subject" "detail"] "⚠️ **{subject}** does not answer: {detail}", "⚠️ **{subject}** ne répond pas : {detail}";
    "alert.restart_failed" ["subject" "detail"] "⚠️ Restarting **{subject}** failed: {detail}", "⚠️ Le redémarrage de **{subject}** a échoué : {detail}";
    "alert.cluster_lost" ["subject" "detail"] "⚠️ Cluster **{subject}** does not answer: {detail}", "⚠️ La grappe **{subject}** ne répond pas : {detail}";
    "alert.cluster_back" ["subject" "detail"] "✅ Cluster **{subject}** answers again. {detail}", "✅ La grappe **{subject}** répond de nouveau. {detail}";
    "alert.audit_broken" ["subject" "detail"] "🚨 The **{subject}** is not whole: {detail}", "🚨 Le **{subject}** n’est pas intact : {detail}";
    "alert.banned" ["subject" "detail"] "⚠️ **{subject}** is banned for a while: {detail}", "⚠️ **{subject}** est banni pour un temps : {detail}";
};
