//! Serves stored events as Salesforce would.

use super::arguments::FakeOrgArguments;
use crate::commands::operate::print;
use anyhow::Result;
use fake_org::{FakeOrg, Script, Speed};
use runtime::shutdown::on_signals;
use serde_json::json;
use std::process::ExitCode;

/// Serves files until the process is interrupted. Prints how to reach and log in to the org first.
///
/// # Errors
/// If a file cannot be read, or no port can be opened.
pub(super) async fn serve(arguments: FakeOrgArguments) -> Result<ExitCode> {
    let FakeOrgArguments { input, org, speed } = arguments;
    let mut script = Script::read(&input, org)?;
    script.settings.speed = speed.map_or(Speed::Instant, Speed::Factor);
    let (id, secret) = (script.settings.client_id.clone(), script.settings.client_secret.clone());
    let events = script.events.len();
    let fake = FakeOrg::start(script).await?;
    print(&json!({
        "login_url": fake.login_url(), "pubsub_url": fake.pubsub_url(), "client_id": id, "client_secret": secret,
        "events": events,
    }))?;
    on_signals()?.cancelled().await;
    Ok(ExitCode::SUCCESS)
}
