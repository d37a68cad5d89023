//! What the letters say. Words in braces are filled in; `{house}` is the name of the house.

use super::{Language, Letter};

/// Subject and text of a letter.
pub(super) const fn of(letter: Letter, language: Language) -> (&'static str, &'static str) {
    match language {
        Language::En => english(letter),
        Language::Fr => french(letter),
    }
}

/// What stands under every letter.
pub(super) const fn farewell(language: Language) -> &'static str {
    match language {
        Language::En => "{house}\nThis mail was written by a machine; nobody reads answers to it.",
        Language::Fr => "{house}\nCe message a été écrit par une machine ; personne ne lit les réponses.",
    }
}

/// What stands under letters that can be switched off.
pub(super) const fn choice(language: Language) -> &'static str {
    match language {
        Language::En => "What we tell you, and how, you choose in the portal, under Notifications.",
        Language::Fr => {
            "Vous choisissez ce que nous vous disons, et comment, dans le portail, sous Notifications."
        }
    }
}

const fn english(letter: Letter) -> (&'static str, &'static str) {
    match letter {
        Letter::VerifyEmail => (
            "{house}: confirm your e-mail address",
            "Hello {name},\n\nplease confirm that this address is yours by opening this link within a day:\n\n{link}\n\nIf you did not register, ignore this mail.",
        ),
        Letter::ChangeEmail => (
            "{house}: confirm your new e-mail address",
            "Hello {name},\n\nopen this link within a day, and you will sign in with this address from then on:\n\n{link}\n\nIf you did not ask for it, ignore this mail.",
        ),
        Letter::EmailChanged => (
            "{house}: your e-mail address was changed",
            "Hello {name},\n\nfrom now on you sign in with {email}, and no longer with this address.\n\nIf it was not you, tell an administrator of the house at once.",
        ),
        Letter::AddressTaken => (
            "{house}: you have an account already",
            "Hello {name},\n\nsomebody, maybe you, tried to register with this address, which has an account already. Nothing was changed.\n\nSign in, or ask for a new password, here:\n\n{link}",
        ),
        Letter::Recovery => (
            "{house}: choose a new password",
            "Hello {name},\n\nopen this link within 30 minutes to choose a new password:\n\n{link}\n\nIf you did not ask for it, ignore this mail: your password stays as it is.",
        ),
        Letter::PasswordChanged => (
            "{house}: your password was changed",
            "Hello {name},\n\nyour password was changed, and your other sessions have ended.\n\nIf it was not you, ask for a new password at once:\n\n{link}",
        ),
        Letter::FactorsChanged => (
            "{house}: how you sign in was changed",
            "Hello {name},\n\na second factor of your account was switched on or off, or a passkey or a linked account was added or removed.\n\nIf it was not you, change your password at once and look at your sessions:\n\n{link}",
        ),
        Letter::Invitation => (
            "You are invited to {house}",
            "Hello,\n\n{by} invites you. Open this link within a week to register:\n\n{link}\n\nIt works once.",
        ),
        Letter::ProjectInvitation => (
            "{house}: you are invited to {project}",
            "Hello,\n\n{by} invites you to the project {project}. Open this link to accept:\n\n{link}",
        ),
        Letter::Runway => (
            "{house}: {project} runs out of credit",
            "Hello,\n\nat the present pace the credit of {project} lasts for {left}. Then its instances will be stopped.\n\nTop it up here:\n\n{link}",
        ),
        Letter::BillingHold => (
            "{house}: {project} has no credit left",
            "Hello,\n\nthe credit of {project} is used up, and its instances are being stopped. Nothing is deleted yet.\n\nTop it up here, and they can be started again:\n\n{link}",
        ),
        Letter::Deletion => (
            "{house}: instances of {project} will be deleted",
            "Hello,\n\n{project} still has no credit. Its instances will be deleted on {when}, with all that is on them.\n\nTop it up here to keep them:\n\n{link}",
        ),
        Letter::BackupFailed => (
            "{house}: backups of {instance} fail",
            "Hello,\n\na scheduled backup of {instance} in {project} could not be made. What is in the way, and which backups there are, is shown here:\n\n{link}\n\nUntil this is mended, we tell you once a day at most.",
        ),
        Letter::LeaseEnding => (
            "{house}: the lease of {instance} ends on {when}",
            "Hello,\n\nthe time of the lease of {instance} is over on {when}. It is stopped then.\n\nRenew the lease here to keep it running:\n\n{link}",
        ),
        Letter::LeaseExpired => (
            "{house}: the lease of {instance} has ended",
            "Hello,\n\nthe time of the lease of {instance} is over, and it is being stopped. It will be removed on {when}, with all that is on it.\n\nRenew the lease here before that, and it runs again:\n\n{link}",
        ),
        Letter::WebhookFailing => (
            "{house}: the webhook {webhook} was switched off",
            "Hello {name},\n\nfor five days, the receiver of the webhook {webhook} of {project} has taken nothing of what we sent. We have switched the webhook off. Why each try failed is shown here; once the receiver is mended, switch the webhook on again and resend what it missed:\n\n{link}",
        ),
        Letter::WebhookGone => (
            "{house}: the webhook {webhook} was switched off",
            "Hello {name},\n\nthe receiver of the webhook {webhook} of {project} answered that it is gone and wants nothing more (status 410). We have switched the webhook off. If that was a mistake, switch it on again here:\n\n{link}",
        ),
        Letter::Notice => ("{subject}", "{text}"),
    }
}

const fn french(letter: Letter) -> (&'static str, &'static str) {
    match letter {
        Letter::VerifyEmail => (
            "{house} : confirmez votre adresse e-mail",
            "Bonjour {name},\n\nmerci de confirmer que cette adresse est bien la vôtre en ouvrant ce lien dans les 24 heures :\n\n{link}\n\nSi vous ne vous êtes pas inscrit, ignorez ce message.",
        ),
        Letter::ChangeEmail => (
            "{house} : confirmez votre nouvelle adresse e-mail",
            "Bonjour {name},\n\nouvrez ce lien dans les 24 heures, et vous vous connecterez désormais avec cette adresse :\n\n{link}\n\nSi vous n'avez rien demandé, ignorez ce message.",
        ),
        Letter::EmailChanged => (
            "{house} : votre adresse e-mail a changé",
            "Bonjour {name},\n\nvous vous connectez désormais avec {email}, et non plus avec cette adresse.\n\nSi ce n'était pas vous, prévenez tout de suite un administrateur de la maison.",
        ),
        Letter::AddressTaken => (
            "{house} : vous avez déjà un compte",
            "Bonjour {name},\n\nquelqu'un, peut-être vous, a voulu s'inscrire avec cette adresse, qui a déjà un compte. Rien n'a été changé.\n\nConnectez-vous, ou demandez un nouveau mot de passe, ici :\n\n{link}",
        ),
        Letter::Recovery => (
            "{house} : choisissez un nouveau mot de passe",
            "Bonjour {name},\n\nouvrez ce lien dans les 30 minutes pour choisir un nouveau mot de passe :\n\n{link}\n\nSi vous n'avez rien demandé, ignorez ce message : votre mot de passe reste le même.",
        ),
        Letter::PasswordChanged => (
            "{house} : votre mot de passe a changé",
            "Bonjour {name},\n\nvotre mot de passe a été changé, et vos autres sessions sont terminées.\n\nSi ce n'était pas vous, demandez tout de suite un nouveau mot de passe :\n\n{link}",
        ),
        Letter::FactorsChanged => (
            "{house} : votre façon de vous connecter a changé",
            "Bonjour {name},\n\nun second facteur de votre compte a été activé ou désactivé, ou une clé d'accès ou un compte lié a été ajouté ou retiré.\n\nSi ce n'était pas vous, changez tout de suite votre mot de passe et regardez vos sessions :\n\n{link}",
        ),
        Letter::Invitation => (
            "Vous êtes invité à {house}",
            "Bonjour,\n\n{by} vous invite. Ouvrez ce lien dans la semaine pour vous inscrire :\n\n{link}\n\nIl ne sert qu'une fois.",
        ),
        Letter::ProjectInvitation => (
            "{house} : vous êtes invité à {project}",
            "Bonjour,\n\n{by} vous invite au projet {project}. Ouvrez ce lien pour accepter :\n\n{link}",
        ),
        Letter::Runway => (
            "{house} : le crédit de {project} s'épuise",
            "Bonjour,\n\nau rythme actuel, le crédit de {project} suffit pour {left}. Ensuite ses instances seront arrêtées.\n\nRechargez-le ici :\n\n{link}",
        ),
        Letter::BillingHold => (
            "{house} : {project} n'a plus de crédit",
            "Bonjour,\n\nle crédit de {project} est épuisé, et ses instances sont en cours d'arrêt. Rien n'est encore supprimé.\n\nRechargez-le ici, et elles pourront redémarrer :\n\n{link}",
        ),
        Letter::Deletion => (
            "{house} : les instances de {project} vont être supprimées",
            "Bonjour,\n\n{project} n'a toujours pas de crédit. Ses instances seront supprimées le {when}, avec tout ce qu'elles contiennent.\n\nRechargez-le ici pour les garder :\n\n{link}",
        ),
        Letter::BackupFailed => (
            "{house} : les sauvegardes de {instance} échouent",
            "Bonjour,\n\nune sauvegarde planifiée de {instance} dans {project} n'a pas pu être faite. Ce qui l'empêche et les sauvegardes qui existent sont affichés ici :\n\n{link}\n\nTant que cela dure, nous vous prévenons au plus une fois par jour.",
        ),
        Letter::LeaseEnding => (
            "{house} : la location de {instance} se termine le {when}",
            "Bonjour,\n\nla location de {instance} se termine le {when}. L'instance sera alors arrêtée.\n\nRenouvelez la location ici pour qu'elle continue :\n\n{link}",
        ),
        Letter::LeaseExpired => (
            "{house} : la location de {instance} est terminée",
            "Bonjour,\n\nla location de {instance} est terminée, et l'instance est en cours d'arrêt. Elle sera supprimée le {when}, avec tout ce qu'elle contient.\n\nRenouvelez la location ici avant cette date, et elle redémarre :\n\n{link}",
        ),
        Letter::WebhookFailing => (
            "{house} : le webhook {webhook} a été désactivé",
            "Bonjour {name},\n\ndepuis cinq jours, le destinataire du webhook {webhook} de {project} n'a rien accepté de ce que nous lui avons envoyé. Nous avons désactivé le webhook. La raison de chaque échec est affichée ici ; une fois le destinataire réparé, réactivez le webhook et renvoyez ce qu'il a manqué :\n\n{link}",
        ),
        Letter::WebhookGone => (
            "{house} : le webhook {webhook} a été désactivé",
            "Bonjour {name},\n\nle destinataire du webhook {webhook} de {project} a répondu qu'il n'existe plus et ne veut plus rien recevoir (statut 410). Nous avons désactivé le webhook. Si c'est une erreur, réactivez-le ici :\n\n{link}",
        ),
        Letter::Notice => ("{subject}", "{text}"),
    }
}
