//! `/llms.txt`: all that a program needs that comes with nothing but a wallet.

use axum::extract::State;
use axum::http::{HeaderName, header};
use innkeeper_domain::money::Micros;
use innkeeper_domain::sizes::Size;
use innkeeper_engine::{Catalogue, Engine};

use crate::problem::Problem;

const TEXT: &str = include_str!("llms.txt");

/// The text, with what this house asks.
pub(crate) async fn llms_txt(
    State(engine): State<Engine>,
) -> Result<([(HeaderName, &'static str); 1], String), Problem> {
    let url = engine.lease_options()?.public_url.as_str().trim_end_matches('/').to_owned();
    let text = fill(TEXT, &url, &engine.lease_catalogue().await?);
    Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], text))
}

fn size(size: Size) -> String {
    format!("{} cores, {} MiB memory, {} GiB disk", size.cores, size.memory_mib, size.disk_gib)
}

fn fill(text: &str, url: &str, house: &Catalogue) -> String {
    let terms = &house.terms;
    let list =
        |lines: Vec<String>, none: &str| if lines.is_empty() { none.to_owned() } else { lines.join("\n") };
    let pay = house.credit.iter().map(|way| {
        format!(
            "- {}: token {} (EIP-712 name \"{}\", version \"{}\"), to {}; 1 credit is {} of its smallest units",
            way.network, way.asset, way.token_name, way.token_version, way.pay_to, way.amount
        )
    });
    let plans = house.plans.iter().map(|plan| {
        format!("- `\"plan\": \"{}\"`: {}, {} credits per hour", plan.name, size(plan.size), plan.hourly)
    });
    let parts = match &house.prices {
        Some(list) => format!(
            "- any other size: `\"size\": {{\"cores\": 1, \"memory_mib\": 512, \"disk_gib\": 4}}`, up to {}; per hour {} \
             credits a core, {} a GiB of memory, {} a GiB of disk",
            size(terms.largest),
            list.running.core_micros,
            list.running.memory_gib_micros,
            list.running.disk_gib_micros
        ),
        None => "- no other sizes".to_owned(),
    };
    let templates: Vec<String> = house.templates.iter().map(|one| format!("`{}`", one.name)).collect();
    let call = if terms.call == Micros::ZERO {
        "Commands and consoles are free.".to_owned()
    } else {
        format!(
            "A command or a console costs {} credits: it is answered with `402`, like a lease.",
            terms.call
        )
    };
    text.replace("{url}", url)
        .replace(
            "{pay}",
            &list(pay.collect(), "- this house takes credits only: sign in and give `pay_with`"),
        )
        .replace("{plans}", &list(plans.chain([parts]).collect(), "- nothing"))
        .replace("{templates}", &templates.join(", "))
        .replace("{base}", &terms.base.to_string())
        .replace("{least}", &terms.least_minutes.to_string())
        .replace("{most}", &terms.most_minutes.to_string())
        .replace("{grace}", &(terms.grace.as_secs() / 60).to_string())
        .replace("{per_wallet}", &terms.per_wallet.to_string())
        .replace("{call}", &call)
}
