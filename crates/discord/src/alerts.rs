//! What people are told unasked: alerts and letters, by direct message, and reports. The house keeps what is to be told and what
//! became of it; here it is said, not too often, and once.

use std::time::Duration;

use innkeeper_domain::time::Timestamp;

use crate::bot::Bot;
use crate::house::{Delivery, House, Matter, Notice, Recipient, Settings};
use crate::looks::report_text;
use crate::rest::RestError;
use crate::texts::{Put, Texts, shorten};
use crate::wire::Words;

/// How many are taken at once.
const MOST: usize = 10;

/// How long the same is not told again, where the operator says nothing.
const REPEAT_AFTER: Duration = Duration::from_hours(1);

impl<H: House> Bot<H> {
    /// Tells what is to be told now.
    pub(crate) async fn tell_notices(&self) {
        let notices = match self.ask(self.house.claim_notices(MOST)).await {
            Ok(notices) if notices.is_empty() => return,
            Ok(notices) => notices,
            Err(error) => {
                tracing::warn!(%error, "what is to be told is not known");
                return;
            }
        };
        let Ok(settings) = self.settings().await else { return };
        let texts = Texts::new(&settings);
        for notice in notices {
            let delivery = self.tell_notice(&notice, &settings, &texts).await;
            if let Delivery::Undeliverable(why) | Delivery::Later(why) = &delivery {
                tracing::warn!(notice = notice.id, why, "somebody could not be told");
            }
            if let Err(error) = self.ask(self.house.settle_notice(&notice.id, delivery)).await {
                tracing::warn!(notice = notice.id, %error, "what became of a notice was not noted");
            }
        }
    }

    async fn tell_notice(&self, notice: &Notice, settings: &Settings, texts: &Texts) -> Delivery {
        let said = match &notice.matter {
            Matter::Letter { text } => shorten(text.clone()),
            Matter::Report(report) => report_text(texts, notice.language, report),
            Matter::Alert { kind, subject, detail, last_told, held_back } => {
                if !is_due(settings, kind, *last_told, self.config.clock.now()) {
                    return Delivery::HeldBack;
                }
                let key = format!("alert.{kind}");
                let key = if Texts::has(&key) && kind != "more" { &key } else { "alert.other" };
                let put = [("subject", Put::Theirs(subject)), ("detail", Put::Theirs(detail))];
                let mut said = texts.say(notice.language, key, &put);
                if *held_back > 0 {
                    let put = [("count", Put::Number(u64::from(*held_back)))];
                    said.push_str(&texts.say(notice.language, "alert.more", &put));
                }
                shorten(said)
            }
        };
        let words = Words::new(said).once(&notice.id);
        let told = async {
            let channel = match notice.to {
                Recipient::Channel(channel) => channel,
                Recipient::User(user) => self.rest.direct(user).await?.0,
            };
            self.rest.say(channel, &words).await.map(drop)
        };
        match told.await {
            Ok(()) => Delivery::Delivered,
            Err(error @ RestError::Refused { .. }) if error.is_final() && !error.is_unauthorised() => {
                Delivery::Undeliverable(error.to_string())
            }
            Err(error) => Delivery::Later(error.to_string()),
        }
    }
}

/// Whether the same may be told again.
fn is_due(settings: &Settings, kind: &str, last_told: Option<Timestamp>, now: Timestamp) -> bool {
    let after = settings.repeat_after.get(kind).copied().unwrap_or(REPEAT_AFTER);
    last_told.is_none_or(|last| now.since(last) >= after)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_is_not_told_again_too_soon() {
        let mut settings = Settings::default();
        settings.repeat_after.insert("host_unreachable".to_owned(), Duration::from_mins(5));
        let then = Timestamp(0);
        let due =
            |kind, minutes| is_due(&settings, kind, Some(then), then.after(Duration::from_mins(minutes)));
        assert!(is_due(&settings, "banned", None, then), "never told");
        assert!(!due("host_unreachable", 4) && due("host_unreachable", 5), "as the operator says");
        assert!(!due("banned", 59) && due("banned", 60), "an hour otherwise");
    }
}
