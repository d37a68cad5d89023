//! What people are told unasked.

use innkeeper_discord::{Delivery, Matter, Notice, Period, Recipient};
use innkeeper_domain::mails::Language;
use innkeeper_domain::time::{Clock, Timestamp};

use crate::fake::{ANN, BEA, TEXT, direct};
use crate::inn::report;
use crate::inn_at_discord;

fn alert(id: &str, kind: &str, last_told: Option<Timestamp>, held_back: u32) -> Notice {
    let matter = Matter::Alert {
        kind: kind.to_owned(),
        subject: "pve".to_owned(),
        detail: "pas de réponse @everyone".to_owned(),
        last_told,
        held_back,
    };
    Notice { id: id.to_owned(), to: Recipient::User(ANN), language: Language::Fr, matter }
}

#[tokio::test]
async fn an_administrator_is_told_by_direct_message_once() {
    let (discord, house, bot) = inn_at_discord().await;
    house.change(|state| state.notices.push(alert("ntc_1", "host_start_failed", None, 0)));
    let shown = discord.reads(direct(ANN), "ne s’est pas réveillé").await;
    assert!(shown.content.contains("@\u{200b}everyone"));
    // The note that it was told is lost: it is told again, and Discord itself keeps it from being there twice.
    house.change(|state| state.notices.push(alert("ntc_1", "host_start_failed", None, 0)));
    house.until("both settled", |state| (state.settled.len() == 2).then_some(())).await;
    assert_eq!(house.state().settled[1], ("ntc_1".to_owned(), Delivery::Delivered));
    let there = discord.state().messages.values().filter(|shown| shown.channel == direct(ANN)).count();
    assert_eq!(there, 1);
    bot.stop().await;
}

#[tokio::test]
async fn the_same_again_is_held_back_and_counted_later() {
    let (discord, house, bot) = inn_at_discord().await;
    let now = Clock::system().now();
    let recently = Some(now.before(std::time::Duration::from_mins(59)));
    house.change(|state| state.notices.push(alert("ntc_1", "host_unreachable", recently, 0)));
    house
        .until("it is held back", |state| {
            state.settled.contains(&("ntc_1".to_owned(), Delivery::HeldBack)).then_some(())
        })
        .await;
    let long_ago = Some(now.before(std::time::Duration::from_mins(61)));
    house.change(|state| state.notices.push(alert("ntc_2", "host_unreachable", long_ago, 7)));
    discord.reads(direct(ANN), "(7 autres ont été retenues.)").await;
    bot.stop().await;
}

#[tokio::test]
async fn whoever_takes_no_messages_is_not_tried_for_ever() {
    let (discord, house, bot) = inn_at_discord().await;
    discord.state().shy.push(ANN);
    house.change(|state| state.notices.push(alert("ntc_1", "no_such_kind", None, 0)));
    let settled = house.until("it is settled", |state| state.settled.first().cloned()).await;
    assert!(matches!(settled.1, Delivery::Undeliverable(why) if why.contains("50007")));
    bot.stop().await;
}

#[tokio::test]
async fn a_limit_of_discords_is_waited_out_and_others_are_told_too() {
    let (discord, house, bot) = inn_at_discord().await;
    discord.limit("/users/@me/channels", 2, 0.05, false);
    let to_bea = Notice { to: Recipient::User(BEA), ..alert("ntc_2", "banned", None, 0) };
    house.change(|state| state.notices.extend([alert("ntc_1", "banned", None, 0), to_bea]));
    discord.reads(direct(ANN), "est banni").await;
    discord.reads(direct(BEA), "est banni").await;
    bot.stop().await;
}

#[tokio::test]
async fn the_days_report_comes_into_the_channel() {
    let (discord, house, bot) = inn_at_discord().await;
    let matter = Matter::Report(report(Period::Daily));
    let to = Recipient::Channel(TEXT);
    let notice = Notice { id: "rpt_1".to_owned(), to, language: Language::En, matter };
    house.change(|state| state.notices.push(notice));
    discord.reads(TEXT, "Woken: 2 · asleep: 17 h · restarts: 1 · most players: 6 · failures: 0").await;
    bot.stop().await;
}

#[tokio::test]
async fn whoever_has_chosen_it_gets_a_letter_by_direct_message() {
    let (discord, house, bot) = inn_at_discord().await;
    let text = "**The Inn: Band runs out of credit**\n\nTop it up here:\n\nhttps://inn.example/p".to_owned();
    let matter = Matter::Letter { text: text.clone() };
    let to = Recipient::User(BEA);
    house.change(|state| {
        state.notices.push(Notice { id: "ntc_1".to_owned(), to, language: Language::En, matter });
    });
    assert_eq!(discord.reads(direct(BEA), "runs out").await.content, text);
    let settled = house.until("it is settled", |state| state.settled.first().cloned()).await;
    assert_eq!(settled, ("ntc_1".to_owned(), Delivery::Delivered));
    bot.stop().await;
}
