//! The API, and the first token for it.

use crate::arguments::TokenArguments;
use crate::config::Config;
use crate::node::Node;
use anyhow::{Context, Result};
use model::time::DAY;
use runtime::clock::now;
use runtime::shutdown::on_signals;
use runtime::telemetry::Telemetry;
use secrecy::ExposeSecret;
use std::collections::BTreeMap;
use std::io::Write;
use std::process::ExitCode;
use store::{Role, Store};

/// Runs the console until a signal.
///
/// # Errors
/// If the database cannot be reached, or the address cannot be served.
pub(crate) async fn console(config: Config, telemetry: &Telemetry) -> Result<()> {
    let node = Node::connect(config, "console", &[]).await?;
    let shutdown = on_signals()?;
    node.run(telemetry.registry(), shutdown.clone(), async |node, stages| {
        let service = node.console(shutdown).await?;
        let rules = service.rules.clone();
        let presence = node.presence("console", None, move || Some(rules.borrow().hash.to_string()));
        stages.spawn("console", |shutdown| presence.during(service.run(shutdown)));
        Ok(())
    })
    .await
}

/// Makes a token for the API, and prints its secret.
///
/// # Errors
/// If the login is no operator.
pub(crate) async fn token(config: Config, arguments: TokenArguments) -> Result<ExitCode> {
    let store = super::database(&config, "orgwatch-operator").await?;
    let TokenArguments { name, role, orgs, days } = arguments;
    let orgs: Vec<String> =
        if orgs.is_empty() { vec!["*".to_owned()] } else { orgs.iter().map(ToString::to_string).collect() };
    let secret = make(&store, &name, orgs.into_iter().map(|org| (org, role)).collect(), days).await?;
    writeln!(std::io::stdout(), "{secret}")?;
    Ok(ExitCode::SUCCESS)
}

/// Makes a token that ends in some days, and returns its secret.
pub(crate) async fn make(store: &Store, name: &str, roles: BTreeMap<String, Role>, days: u32) -> Result<String> {
    let made = console::token(name, roles, now().plus(i64::from(days) * DAY));
    let (secret, token) = made.ok().context("the system has no random numbers")?;
    store.create_token(&token).await?;
    Ok(secret.expose_secret().to_owned())
}
