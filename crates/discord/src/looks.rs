//! What changes nothing: how things are, who plays, what one has, what one may do.

use innkeeper_domain::mails::Language;
use innkeeper_domain::time::Timestamp;

use crate::bot::Bot;
use crate::deeds::{Talk, forbidden};
use crate::house::{
    Ability, Answer, Board, Caller, Failure, Host, HostState, House, Link, Period, Report, Service,
    ServiceState,
};
use crate::interactions::folded;
use crate::texts::{Put, Texts, shorten};
use crate::wire::Interaction;

/// Discord shows no more.
const MOST_CHOICES: usize = 25;

impl<H: House> Bot<H> {
    async fn demand(&self, talk: &Talk, ability: Ability) -> Result<(), Failure> {
        if self.ask(self.house.abilities(&talk.caller)).await?.contains(&ability) {
            return Ok(());
        }
        Err(forbidden(talk))
    }

    pub(crate) async fn status(&self, talk: &Talk) -> Answer<String> {
        self.demand(talk, Ability::See).await?;
        let hosts = self.ask(self.house.hosts(&talk.caller)).await?;
        let services = self.ask(self.house.services(&talk.caller)).await?;
        Ok(whole(&talk.texts, talk.caller.language, &Board { hosts, services }))
    }

    pub(crate) async fn players(&self, talk: &Talk, given: Option<&str>) -> Answer<String> {
        self.demand(talk, Ability::See).await?;
        let services = self.ask(self.house.services(&talk.caller)).await?;
        let meant = |service: &&Service| {
            given.is_none_or(|given| service.key == given || folded(&service.name) == folded(given))
        };
        let lines: Vec<String> =
            services.iter().filter(meant).map(|service| players(talk, service)).collect();
        Ok(match (lines.is_empty(), given) {
            (false, _) => shorten(lines.join("\n")),
            (true, Some(given)) => talk.text("which.unknown", &[("name", Put::Theirs(given))]),
            (true, None) => talk.text("status.nothing", &[]),
        })
    }

    pub(crate) async fn instances(&self, talk: &Talk) -> Answer<String> {
        let instances = self.ask(self.house.instances(&talk.caller)).await?;
        if instances.is_empty() {
            return Ok(talk.text("instances.none", &[]));
        }
        let line = |instance: &crate::house::Instance| {
            let put = [("name", Put::Theirs(&instance.name)), ("state", Put::Theirs(&instance.state))];
            talk.text("instances.line", &put)
        };
        Ok(shorten(instances.iter().map(line).collect::<Vec<_>>().join("\n")))
    }

    pub(crate) async fn balance(&self, talk: &Talk) -> Answer<String> {
        let balance = self.ask(self.house.balance(&talk.caller)).await?;
        let credits = ("credits", Put::Theirs(balance.credits.as_str()));
        Ok(match &balance.lasts {
            Some(lasts) => talk.text("balance.lasts", &[credits, ("lasts", Put::Theirs(lasts))]),
            None => talk.text("balance.idle", &[credits]),
        })
    }

    pub(crate) async fn report(&self, talk: &Talk, period: Period) -> Answer<String> {
        self.demand(talk, Ability::Report).await?;
        let report = self.ask(self.house.report(&talk.caller, period)).await?;
        Ok(report_text(&talk.texts, talk.caller.language, &report))
    }

    pub(crate) async fn link(&self, talk: &Talk, remove: bool) -> Answer<String> {
        if remove {
            let was = self.ask(self.house.unlink(&talk.caller)).await?;
            return Ok(talk.text(if was { "link.removed" } else { "link.none" }, &[]));
        }
        Ok(match self.ask(self.house.begin_link(&talk.caller)).await? {
            Link::Linked { account } => talk.text("link.linked", &[("account", Put::Theirs(&account))]),
            Link::Open { url, code, until } => {
                let until = at(until, 'R');
                if url.starts_with('/') {
                    // The house has said to nobody where its portal is.
                    let put = [("code", Put::Ours(code.as_str())), ("until", Put::Ours(until.as_str()))];
                    return Ok(talk.text("link.type", &put));
                }
                let put =
                    [("url", Put::Ours(&url)), ("code", Put::Ours(&code)), ("until", Put::Ours(&until))];
                talk.text("link.open", &put)
            }
        })
    }

    /// What this person may ask for.
    pub(crate) async fn help(&self, talk: &Talk) -> Answer<String> {
        let abilities = self.ask(self.house.abilities(&talk.caller)).await?;
        let mut lines = vec![talk.text("help.head", &[])];
        for ability in abilities {
            lines.push(talk.text(&format!("help.{}", ability.as_str()), &[]));
        }
        lines.push(talk.text("help.everybody", &[]));
        Ok(shorten(lines.join("\n")))
    }

    /// What may be typed on, for whoever types.
    pub(crate) async fn choices(
        &self,
        caller: &Caller,
        interaction: &Interaction,
    ) -> Answer<Vec<(String, String)>> {
        let given = interaction.data.iter().flat_map(|data| &data.options).find(|option| option.focused);
        let Some(given) = given else { return Ok(Vec::new()) };
        let hosts = async || -> Answer<Vec<(String, String)>> {
            Ok(self.house.hosts(caller).await?.into_iter().map(|host| (host.name, host.key)).collect())
        };
        let services = async || -> Answer<Vec<(String, String)>> {
            Ok(self.house.services(caller).await?.into_iter().map(|one| (one.name, one.key)).collect())
        };
        let instances = async || -> Answer<Vec<(String, String)>> {
            Ok(self.house.instances(caller).await?.into_iter().map(|one| (one.name, one.key)).collect())
        };
        let all = match given.name.as_str() {
            "host" => hosts().await?,
            "service" => services().await?,
            "instance" => instances().await?,
            "target" => {
                let mut all = services().await?;
                all.extend(instances().await.unwrap_or_default());
                all
            }
            _ => Vec::new(),
        };
        let typed = folded(given.value.as_str().unwrap_or_default());
        let fits = |(name, _): &(String, String)| folded(name).contains(&typed);
        let short = |(name, key): (String, String)| (name.chars().take(100).collect(), key);
        Ok(all.into_iter().filter(fits).take(MOST_CHOICES).map(short).collect())
    }
}

/// A time as Discord shows it to each in their own zone: `R` says how far away.
pub(crate) fn at(when: Timestamp, style: char) -> String {
    format!("<t:{}:{style}>", when.0.div_euclid(1_000_000))
}

/// Hosts and services, line by line.
pub(crate) fn whole(texts: &Texts, language: Language, board: &Board) -> String {
    let hosts = board.hosts.iter().map(|host| host_line(texts, language, host));
    let services = board.services.iter().map(|service| service_line(texts, language, service));
    let lines: Vec<String> = hosts.chain(services).collect();
    if lines.is_empty() {
        return texts.say(language, "status.nothing", &[]);
    }
    shorten(lines.join("\n"))
}

fn host_line(texts: &Texts, language: Language, host: &Host) -> String {
    let (mark, word) = match host.state {
        HostState::Off => ("🌙", "off"),
        HostState::Waking => ("🟡", "waking"),
        HostState::Booting => ("🟡", "booting"),
        HostState::Ready => ("🟢", "ready"),
        HostState::Countdown => ("🟠", "countdown"),
        HostState::Draining => ("🟠", "draining"),
        HostState::ShuttingDown => ("🟠", "shutting_down"),
        HostState::Maintenance => ("🔧", "maintenance"),
        HostState::Unknown => ("❔", "unknown"),
        HostState::Error => ("🔴", "error"),
    };
    let mut detail = String::new();
    if let Some(when) = host.sleeps_at {
        detail.push_str(&texts.say(language, "status.sleeps", &[("when", Put::Ours(&at(when, 'R')))]));
    }
    if let Some(words) = &host.detail {
        detail.push_str(&texts.say(language, "status.detail", &[("detail", Put::Theirs(words))]));
    }
    let state = texts.say(language, &format!("host.{word}"), &[]);
    let put = [
        ("mark", Put::Ours(mark)),
        ("name", Put::Theirs(&host.name)),
        ("state", Put::Ours(&state)),
        ("detail", Put::Ours(&detail)),
    ];
    texts.say(language, "status.host", &put)
}

fn service_line(texts: &Texts, language: Language, service: &Service) -> String {
    let (mark, word) = match service.state {
        ServiceState::Up => ("🟢", "up"),
        ServiceState::Starting => ("🟡", "starting"),
        ServiceState::Down => ("🔴", "down"),
        ServiceState::Unknown => ("❔", "unknown"),
    };
    let state = texts.say(language, &format!("service.{word}"), &[]);
    let players = service.players.as_ref().map_or_else(String::new, |players| {
        let put = [("online", Put::Number(players.online.into())), ("max", Put::Number(players.max.into()))];
        texts.say(language, "status.players", &put)
    });
    let address = service.address.as_ref().map_or_else(String::new, |address| {
        // Between backticks nothing is escaped: what could end them is taken away.
        let address: String =
            address.chars().filter(|c| c.is_ascii_graphic() && *c != '`').take(100).collect();
        texts.say(language, "status.address", &[("address", Put::Ours(&address))])
    });
    let put = [
        ("mark", Put::Ours(mark)),
        ("name", Put::Theirs(&service.name)),
        ("state", Put::Ours(&state)),
        ("players", Put::Ours(&players)),
        ("address", Put::Ours(&address)),
    ];
    texts.say(language, "status.service", &put)
}

fn players(talk: &Talk, service: &Service) -> String {
    let named = ("service", Put::Theirs(service.name.as_str()));
    let Some(players) = &service.players else {
        let down = matches!(service.state, ServiceState::Down | ServiceState::Starting);
        return talk.text(if down { "players.off" } else { "players.unknown" }, &[named]);
    };
    let max = ("max", Put::Number(players.max.into()));
    let online = ("online", Put::Number(players.online.into()));
    if players.online == 0 {
        return talk.text("players.none", &[named, max]);
    }
    if players.names.is_empty() {
        return talk.text("players.count", &[named, online, max]);
    }
    let names: Vec<String> = players.names.iter().take(50).map(|name| crate::texts::escape(name)).collect();
    talk.text("players.some", &[named, online, max, ("names", Put::Ours(&names.join(", ")))])
}

pub(crate) fn report_text(texts: &Texts, language: Language, report: &Report) -> String {
    let key = match report.period {
        Period::Daily => "report.daily",
        Period::Weekly => "report.weekly",
    };
    let (from, to) = (at(report.from, 'f'), at(report.to, 'f'));
    let put = [
        ("from", Put::Ours(&from)),
        ("to", Put::Ours(&to)),
        ("wakes", Put::Number(report.wakes.into())),
        ("hours", Put::Number(report.hours_slept.into())),
        ("restarts", Put::Number(report.restarts.into())),
        ("players", Put::Number(report.most_players.into())),
        ("failures", Put::Number(report.failures.into())),
    ];
    texts.say(language, key, &put)
}
