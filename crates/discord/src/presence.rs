//! Who is in which voice channel, as the gateway tells it. What is not known is not said: a channel of a guild that we
//! have not seen yet, or have lost sight of, is neither empty nor full.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use crate::wire::{Guild, Member, VoiceState};

/// Who is where.
#[derive(Debug, Default)]
pub(crate) struct Presence {
    guilds: HashMap<u64, Hall>,
    bots: HashSet<u64>,
    /// Whether the gateway tells us everything now.
    in_sight: bool,
}

/// One guild's voice.
#[derive(Debug, Default)]
struct Hall {
    channels: HashSet<u64>,
    /// Where everybody is.
    people: BTreeMap<u64, u64>,
}

impl Presence {
    /// A guild as it is now; what was known of it before counts no more.
    pub(crate) fn snapshot(&mut self, guild: &Guild) {
        if guild.unavailable {
            self.lose(guild.id.0);
            return;
        }
        guild.members.iter().for_each(|member| self.know(member));
        let people = guild
            .voice_states
            .iter()
            .filter_map(|state| Some((state.user_id.0, state.channel_id?.0)))
            .collect();
        let channels = guild.channels.iter().map(|channel| channel.id.0).collect();
        self.guilds.insert(guild.id.0, Hall { channels, people });
    }

    /// Somebody came, went, or moved.
    pub(crate) fn moved(&mut self, state: &VoiceState) {
        if let Some(member) = &state.member {
            self.know(member);
        }
        let Some(hall) = state.guild_id.and_then(|guild| self.guilds.get_mut(&guild.0)) else { return };
        match state.channel_id {
            Some(channel) => {
                hall.channels.insert(channel.0);
                hall.people.insert(state.user_id.0, channel.0);
            }
            None => {
                hall.people.remove(&state.user_id.0);
            }
        }
    }

    pub(crate) fn channel_made(&mut self, guild: u64, channel: u64) {
        if let Some(hall) = self.guilds.get_mut(&guild) {
            hall.channels.insert(channel);
        }
    }

    pub(crate) fn channel_gone(&mut self, guild: u64, channel: u64) {
        if let Some(hall) = self.guilds.get_mut(&guild) {
            hall.channels.remove(&channel);
            hall.people.retain(|_, at| *at != channel);
        }
    }

    /// A guild is out of sight.
    pub(crate) fn lose(&mut self, guild: u64) {
        self.guilds.remove(&guild);
    }

    /// The connection is gone: what happens now is not seen. What was known is kept, for a resume tells the rest.
    pub(crate) fn blind(&mut self) {
        self.in_sight = false;
    }

    /// A session was resumed: what happened meanwhile has been told.
    pub(crate) fn see_again(&mut self) {
        self.in_sight = true;
    }

    /// A new session, which tells of every guild anew.
    pub(crate) fn see_anew(&mut self) {
        self.guilds.clear();
        self.in_sight = true;
    }

    /// Who is in a channel, bots aside; none when that is not known.
    pub(crate) fn members(&self, channel: u64) -> Option<BTreeSet<u64>> {
        if !self.in_sight {
            return None;
        }
        let hall = self.guilds.values().find(|hall| hall.channels.contains(&channel))?;
        let here = hall.people.iter().filter(|(user, at)| **at == channel && !self.bots.contains(user));
        Some(here.map(|(user, _)| *user).collect())
    }

    fn know(&mut self, member: &Member) {
        if let Some(user) = &member.user
            && user.bot
        {
            self.bots.insert(user.id.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn guild() -> Guild {
        serde_json::from_value(json!({
            "id": "1", "channels": [{ "id": "10" }, { "id": "11" }],
            "members": [{ "user": { "id": "99", "username": "music", "bot": true } }],
            "voice_states": [{ "user_id": "5", "channel_id": "10" }, { "user_id": "99", "channel_id": "10" }],
        }))
        .unwrap()
    }

    fn state(user: &str, channel: Option<&str>) -> VoiceState {
        serde_json::from_value(json!({ "guild_id": "1", "user_id": user, "channel_id": channel })).unwrap()
    }

    fn seeing() -> Presence {
        let mut presence = Presence::default();
        presence.see_anew();
        presence
    }

    #[test]
    fn people_come_and_go_and_bots_are_nobody() {
        let mut presence = seeing();
        assert_eq!(presence.members(10), None, "nothing is known yet");
        presence.snapshot(&guild());
        assert_eq!(presence.members(10), Some([5].into()));
        assert_eq!(presence.members(11), Some([].into()), "known to be empty");
        assert_eq!(presence.members(12), None, "of another guild");

        presence.moved(&state("5", Some("11")));
        assert_eq!(presence.members(10), Some([].into()));
        assert_eq!(presence.members(11), Some([5].into()));
        presence.moved(&state("5", None));
        assert_eq!(presence.members(11), Some([].into()));

        presence.moved(&state("6", Some("10")));
        presence.snapshot(&guild());
        assert_eq!(presence.members(10), Some([5].into()), "the snapshot is the truth");
    }

    #[test]
    fn out_of_sight_is_not_empty() {
        let mut presence = seeing();
        presence.snapshot(&guild());
        presence.blind();
        assert_eq!(presence.members(10), None, "the connection is gone");
        presence.moved(&state("6", Some("10")));
        presence.see_again();
        assert_eq!(presence.members(10), Some([5, 6].into()), "and resumed");
        presence.lose(1);
        assert_eq!(presence.members(10), None);
        presence.moved(&state("5", Some("10")));
        assert_eq!(presence.members(10), None, "one arrival says nothing of the others");
    }
}
