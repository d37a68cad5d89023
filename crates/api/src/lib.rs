//! HTTP, and only HTTP: routes, what goes in and out, who is calling, and how things that go wrong are told. Handlers
//! are thin: they read the request, call one use case of the engine, and show the result.
//!
//! Every route is either on the short list of public ones or behind [`auth::authenticate`]; which of the two is
//! decided here, once, and not by each handler.

mod account;
mod adoptions;
mod announcements;
mod audit;
mod auth;
mod backups;
mod cards;
mod clusters;
mod commands;
mod consoles;
mod discord;
mod disks;
mod docs;
mod drains;
mod drift;
mod events;
mod extract;
mod finance;
mod firewall;
mod headers;
mod health;
mod hosts;
mod impersonations;
mod instances;
mod invoices;
mod isos;
mod keys;
mod leases;
mod ledger;
mod members;
mod metrics;
mod networks;
mod node_access;
mod nodes;
mod notifications;
mod oidc;
mod operations;
mod page;
mod pages;
mod passkeys;
mod payments;
mod placements;
mod plans;
mod prices;
mod problem;
mod projects;
mod quotas;
mod refusals;
mod registration;
mod reports;
mod schedules;
#[cfg(test)]
#[macro_use]
mod schemas;
mod secret;
mod services;
mod sessions;
mod setup;
mod shares;
mod snapshots;
mod standing;
mod templates;
mod usage;
mod users;
mod visitors;
mod vouchers;
mod webhooks;
mod welcome;

use std::sync::Arc;

pub use crate::pages::{Page, Pages};
pub use discord::{Answered, DiscordDoor};

use crate::refusals::Refusals;
use axum::extract::FromRef;
use axum::middleware;
use innkeeper_domain::addresses::AddressRange;
use innkeeper_engine::Engine;
use tokio_util::sync::CancellationToken;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use utoipa_axum::router::OpenApiRouter;
#[cfg(not(test))]
use utoipa_axum::routes;

/// What the surroundings say about how we are reached.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Whether browsers may send the session cookie over TLS only. True wherever TLS ends in front of us.
    pub secure_cookies: bool,
    /// Where people reach us, for example `https://rooms.example.org`. Pages of this origin, and of the host that a
    /// request names, may make changes with the session cookie.
    pub public_url: Option<String>,
    /// Proxies that may say for whom they ask, in `X-Forwarded-For`.
    pub trusted_proxies: Vec<AddressRange>,
    /// The portal, where the binary has it.
    pub pages: Option<Pages>,
    /// Where requests of Discord's go; none where the bot is not reached by HTTP.
    pub discord: Option<DiscordDoor>,
}

/// What handlers share.
#[derive(Clone)]
pub(crate) struct App {
    engine: Engine,
    options: Arc<Options>,
    refusals: Arc<Refusals>,
    /// Cancelled when the server shuts down: answers that would last end then.
    stop: CancellationToken,
}

impl FromRef<App> for Engine {
    fn from_ref(app: &App) -> Self {
        app.engine.clone()
    }
}

/// Everything that we answer, for a server that never stops in an orderly way; see [`router_until`].
pub fn router(engine: Engine, options: Options) -> axum::Router {
    router_until(engine, options, CancellationToken::new())
}

/// Everything that we answer. When `stop` is cancelled, event streams end and long polls answer at once, so that a
/// graceful shutdown does not wait for them.
pub fn router_until(engine: Engine, options: Options, stop: CancellationToken) -> axum::Router {
    let app = App { engine, options: Arc::new(options), refusals: Arc::default(), stop };
    let (routes, _) = routes(Some(&app)).split_for_parts();
    let routes = routes
        .merge(docs::swagger_ui())
        .route("/", axum::routing::get(welcome::page))
        .route("/llms.txt", axum::routing::get(leases::llms::llms_txt))
        .fallback(pages::page_or_nothing)
        .method_not_allowed_fallback(problem::no_such_method)
        .with_state(app);
    dress(routes)
}

/// What happens to every answer on its way out.
fn dress(routes: axum::Router) -> axum::Router {
    routes
        .layer(CatchPanicLayer::custom(problem::panicked))
        .layer(CompressionLayer::new())
        .layer(middleware::map_response(headers::protect))
}

/// The OpenAPI document of everything that [`router`] answers, made from the handlers' own types.
pub fn openapi() -> utoipa::openapi::OpenApi {
    docs::complete(routes(None).into_openapi())
}

/// All documented routes. Without an application nothing asks who is calling: such routes are described, never served.
fn routes(app: Option<&App>) -> OpenApiRouter<App> {
    let mut signed_in = signed_in();
    docs::require_session(signed_in.get_openapi_mut());
    let (mut others, mut by_earlier_names) = (public().merge(lease_holders()), leases_by_earlier_names());
    if let Some(app) = app {
        let noted = middleware::from_fn_with_state(app.clone(), refusals::note);
        let authenticated = middleware::from_fn_with_state(app.clone(), auth::authenticate);
        signed_in = signed_in.route_layer(authenticated).route_layer(noted.clone());
        others = others.route_layer(noted.clone());
        by_earlier_names = by_earlier_names.route_layer(noted);
    }
    OpenApiRouter::with_openapi(docs::head())
        .nest("/api/v1", others.merge(signed_in))
        .merge(by_earlier_names)
        .routes(routes!(health::healthz))
        .routes(routes!(health::readyz))
}

/// What anybody may ask.
fn public() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(setup::get_setup, setup::set_up))
        .routes(routes!(sessions::sign_in))
        .routes(routes!(sessions::give_second_factor))
        .routes(routes!(sessions::refresh))
        .routes(routes!(passkeys::begin_passkey_sign_in))
        .routes(routes!(passkeys::sign_in_by_passkey))
        .routes(routes!(oidc::list_providers))
        .routes(routes!(oidc::begin_oidc))
        .routes(routes!(oidc::come_back))
        .routes(routes!(registration::register))
        .routes(routes!(registration::confirm_email))
        .routes(routes!(registration::ask_to_recover))
        .routes(routes!(registration::recover))
        .routes(routes!(docs::openapi_json))
        .routes(routes!(payments::payment_webhook))
        .routes(routes!(consoles::open_console))
        .routes(routes!(discord::discord_interaction))
        .routes(routes!(leases::catalogue::get_lease_catalogue))
        .routes(routes!(leases::catalogue::quote_lease))
        .routes(routes!(leases::catalogue::quote_renewal))
        .routes(routes!(leases::buying::rent))
        .routes(routes!(leases::buying::renew))
        .routes(routes!(leases::buying::get_order))
        .routes(routes!(leases::wallets::ask_for_challenge))
}

/// What only whoever holds a lease, or a wallet that signs, may ask: they prove it by other means than sessions, and each
/// handler takes the proof.
fn lease_holders() -> OpenApiRouter<App> {
    let mut routes = OpenApiRouter::default()
        .routes(routes!(leases::keeping::list_leases))
        .routes(routes!(leases::keeping::get_lease, leases::keeping::end_lease))
        .routes(routes!(leases::keeping::resize_lease))
        .routes(routes!(leases::keeping::renew_lease_token))
        .routes(routes!(leases::keeping::get_lease_log))
        .routes(routes!(leases::calls::run_lease_command))
        .routes(routes!(leases::calls::ask_for_lease_console))
        .routes(routes!(leases::wallets::get_wallet_credits));
    docs::require_holder(routes.get_openapi_mut());
    routes
}

/// The same leases, by the names of the lease server that came before.
fn leases_by_earlier_names() -> OpenApiRouter<App> {
    let mut routes = OpenApiRouter::default()
        .routes(routes!(leases::seed::seed_exec))
        .routes(routes!(leases::seed::seed_console))
        .routes(routes!(leases::seed::seed_list));
    docs::require_holder(routes.get_openapi_mut());
    routes.routes(routes!(leases::seed::seed_rent)).routes(routes!(leases::seed::seed_renew))
}

/// What only somebody who is signed in may ask.
fn signed_in() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(sessions::list_sessions, sessions::end_other_sessions))
        .routes(routes!(sessions::sign_out))
        .routes(routes!(sessions::end_session))
        .routes(routes!(users::get_me, account::change_me))
        .routes(routes!(account::change_password))
        .routes(routes!(account::get_factors))
        .routes(routes!(account::offer_totp))
        .routes(routes!(account::confirm_totp))
        .routes(routes!(account::remove_totp))
        .routes(routes!(account::renew_recovery_codes))
        .routes(routes!(account::reset_factors))
        .routes(routes!(passkeys::begin_passkey))
        .routes(routes!(passkeys::list_passkeys, passkeys::add_passkey))
        .routes(routes!(passkeys::rename_passkey))
        .routes(routes!(passkeys::remove_passkey))
        .routes(routes!(oidc::list_identities))
        .routes(routes!(oidc::begin_link))
        .routes(routes!(oidc::unlink))
        .routes(routes!(notifications::get_notifications))
        .routes(routes!(notifications::choose_notification))
        .routes(routes!(discord::get_discord_link, discord::link_discord, discord::unlink_discord))
        .routes(routes!(discord::get_discord_settings, discord::set_discord_settings))
        .routes(routes!(discord::get_discord_texts))
        .routes(routes!(registration::ask_to_verify))
        .routes(routes!(registration::change_email))
        .routes(routes!(registration::list_house_invitations, registration::invite_into_house))
        .routes(routes!(registration::withdraw_house_invitation))
        .routes(routes!(users::list_users, users::create_user))
        .routes(routes!(users::get_user, users::change_user))
        .routes(routes!(standing::suspend_user))
        .routes(routes!(standing::unsuspend_user))
        .routes(routes!(standing::ban_user))
        .routes(routes!(standing::unban_user))
        .routes(routes!(impersonations::impersonate_user))
        .routes(routes!(impersonations::list_impersonations))
        .routes(routes!(impersonations::end_impersonation))
        .routes(routes!(keys::list_keys, keys::create_key))
        .routes(routes!(keys::end_key))
        .routes(routes!(projects::list_projects, projects::create_project))
        .routes(routes!(projects::get_project, projects::rename_project, projects::delete_project))
        .routes(routes!(quotas::get_quota, quotas::set_quota))
        .routes(routes!(members::list_members))
        .routes(routes!(members::change_member, members::remove_member))
        .routes(routes!(members::leave_project))
        .routes(routes!(members::list_invitations, members::invite))
        .routes(routes!(members::revoke_invitation))
        .routes(routes!(members::list_received_invitations))
        .routes(routes!(members::accept_invitation))
        .routes(routes!(members::accept_invitation_by_token))
        .routes(routes!(members::decline_invitation))
        .routes(routes!(clusters::probe_cluster))
        .routes(routes!(clusters::test_new_cluster))
        .routes(routes!(clusters::list_clusters, clusters::add_cluster))
        .routes(routes!(clusters::get_cluster, clusters::change_cluster))
        .routes(routes!(clusters::test_cluster))
        .routes(routes!(nodes::list_nodes))
        .routes(routes!(nodes::change_node))
        .routes(routes!(networks::list_networks, networks::create_network))
        .routes(routes!(networks::change_network, networks::remove_network))
        .routes(routes!(networks::list_pools, networks::add_pool))
        .routes(routes!(networks::remove_pool))
        .routes(routes!(networks::list_addresses, networks::keep_address))
        .routes(routes!(networks::give_address_back))
        .routes(routes!(cards::list_cards, cards::add_card))
        .routes(routes!(cards::change_card, cards::remove_card))
        .routes(routes!(disks::list_disks, disks::add_disk))
        .routes(routes!(disks::grow_disk, disks::remove_disk))
        .routes(routes!(firewall::get_firewall, firewall::set_firewall))
        .routes(routes!(adoptions::list_guests))
        .routes(routes!(adoptions::list_adoptions, adoptions::adopt_guests))
        .routes(routes!(adoptions::release_instance))
        .routes(routes!(drift::accept_drift))
        .routes(routes!(drift::restore_drift))
        .routes(routes!(metrics::get_metrics))
        .routes(routes!(metrics::get_metrics_history))
        .routes(routes!(metrics::get_node_metrics))
        .routes(routes!(metrics::get_node_metrics_history))
        .routes(routes!(placements::explain_placement))
        .routes(routes!(placements::get_placement))
        .routes(routes!(templates::list_templates, templates::create_template))
        .routes(routes!(templates::change_template))
        .routes(routes!(templates::list_sources, templates::add_source))
        .routes(routes!(plans::list_plans, plans::create_plan))
        .routes(routes!(plans::change_plan))
        .routes(routes!(prices::price_plan))
        .routes(routes!(prices::list_price_lists, prices::create_price_list))
        .routes(routes!(prices::estimate_price))
        .routes(routes!(prices::reprice_instance))
        .routes(routes!(ledger::get_balance))
        .routes(routes!(ledger::list_ledger))
        .routes(routes!(ledger::post_adjustment))
        .routes(routes!(usage::list_usage))
        .routes(routes!(finance::get_spending))
        .routes(routes!(finance::get_finance))
        .routes(routes!(finance::export_ledger))
        .routes(routes!(webhooks::list_webhooks, webhooks::create_webhook))
        .routes(routes!(webhooks::get_webhook, webhooks::change_webhook, webhooks::delete_webhook))
        .routes(routes!(webhooks::rotate_webhook_secret))
        .routes(routes!(webhooks::test_webhook))
        .routes(routes!(webhooks::list_deliveries))
        .routes(routes!(webhooks::get_delivery))
        .routes(routes!(webhooks::resend_delivery))
        .routes(routes!(finance::export_usage))
        .routes(routes!(payments::get_payment_offer))
        .routes(routes!(payments::list_project_payments, payments::begin_payment))
        .routes(routes!(payments::list_payments))
        .routes(routes!(payments::get_payment))
        .routes(routes!(payments::list_refunds, payments::refund_payment))
        .routes(routes!(vouchers::list_vouchers, vouchers::create_vouchers))
        .routes(routes!(vouchers::withdraw_voucher))
        .routes(routes!(vouchers::redeem_voucher))
        .routes(routes!(invoices::list_project_invoices, invoices::issue_invoice))
        .routes(routes!(invoices::list_invoices))
        .routes(routes!(invoices::get_invoice))
        .routes(routes!(invoices::get_invoice_pdf))
        .routes(routes!(instances::list_instances, instances::create_instance))
        .routes(routes!(
            instances::get_instance,
            instances::changing::update_instance,
            instances::changing::delete_instance,
        ))
        .routes(routes!(instances::bulk::change_instances))
        .routes(routes!(instances::power::start_instance))
        .routes(routes!(instances::power::shut_down_instance))
        .routes(routes!(instances::power::stop_instance))
        .routes(routes!(instances::power::reboot_instance))
        .routes(routes!(instances::power::pause_instance))
        .routes(routes!(instances::power::resume_instance))
        .routes(routes!(instances::changing::rebuild_instance))
        .routes(routes!(instances::changing::duplicate_instance))
        .routes(routes!(instances::changing::protect_instance))
        .routes(routes!(instances::changing::recover_instance))
        .routes(routes!(hosts::list_hosts, hosts::add_host))
        .routes(routes!(hosts::get_host, hosts::change_host, hosts::remove_host))
        .routes(routes!(hosts::wake_host))
        .routes(routes!(hosts::sleep_host))
        .routes(routes!(hosts::cancel_host_sleep))
        .routes(routes!(hosts::keep_host_awake, hosts::stop_keeping_host_awake))
        .routes(routes!(hosts::begin_host_maintenance, hosts::end_host_maintenance))
        .routes(routes!(hosts::clear_host))
        .routes(routes!(hosts::check_host))
        .routes(routes!(hosts::get_host_key))
        .routes(routes!(hosts::get_host_history))
        .routes(routes!(hosts::list_host_reports))
        .routes(routes!(services::list_services, services::add_service))
        .routes(routes!(services::get_service, services::change_service, services::remove_service))
        .routes(routes!(services::get_service_players))
        .routes(routes!(services::restart_service))
        .routes(routes!(services::list_restarts))
        .routes(routes!(services::get_restart))
        .routes(routes!(drains::plan_drain, drains::drain_node))
        .routes(routes!(drains::list_drains))
        .routes(routes!(drains::get_drain))
        .routes(routes!(drains::stop_drain))
        .routes(routes!(drains::migrate_instance))
        .routes(routes!(isos::list_isos, isos::add_iso))
        .routes(routes!(isos::remove_iso))
        .routes(routes!(isos::insert_disc, isos::eject_disc))
        .routes(routes!(isos::rescue_instance))
        .routes(routes!(snapshots::list_snapshots, snapshots::create_snapshot))
        .routes(routes!(snapshots::delete_snapshot))
        .routes(routes!(snapshots::roll_back))
        .routes(routes!(shares::list_shares))
        .routes(routes!(shares::share_instance, shares::unshare_instance))
        .routes(routes!(shares::list_shared))
        .routes(routes!(leases::buying::list_orders))
        .routes(routes!(leases::wallets::claim_lease))
        .routes(routes!(leases::wallets::claim_wallet))
        .routes(routes!(consoles::ask_for_console))
        .routes(routes!(commands::run_command))
        .routes(routes!(commands::get_command_capability))
        .routes(routes!(commands::set_instance_password))
        .routes(routes!(commands::set_ssh_keys))
        .routes(routes!(commands::get_first_boot))
        .routes(routes!(commands::forget_host_key))
        .routes(routes!(
            node_access::get_node_access,
            node_access::set_node_access,
            node_access::remove_node_access
        ))
        .routes(routes!(backups::list_backups))
        .routes(routes!(backups::get_backup, backups::change_backup, backups::delete_backup))
        .routes(routes!(backups::list_instance_backups, backups::make_backup))
        .routes(routes!(backups::restore_instance))
        .routes(routes!(schedules::list_schedules, schedules::create_schedule))
        .routes(routes!(schedules::change_schedule, schedules::delete_schedule))
        .routes(routes!(audit::list_audit))
        .routes(routes!(audit::verify_audit))
        .routes(routes!(audit::list_project_audit))
        .routes(routes!(instances::power::resize_instance))
        .routes(routes!(operations::list_operations))
        .routes(routes!(operations::get_operation))
        .routes(routes!(events::follow_events))
        .routes(routes!(announcements::list_announcements, announcements::create_announcement))
        .routes(routes!(announcements::list_shown_announcements))
        .routes(routes!(announcements::change_announcement, announcements::delete_announcement))
        .routes(routes!(announcements::end_announcement))
}
