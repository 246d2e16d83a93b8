//! What `dev` prints for the person who runs it, on standard error.

use super::arguments::DevArguments;
use crate::config::Config;
use anyhow::Result;
use model::{OrgId, Severity};
use std::io::Write;
use std::net::SocketAddr;
use std::time::Duration;
use store::{IncidentFilter, Status, Store};
use tokio_util::sync::CancellationToken;

/// How often progress is printed. A choice: often enough to see that it goes on.
const PROGRESS: Duration = Duration::from_secs(5);

/// Prints a note. If standard error is closed, nobody reads it.
pub(super) fn print(text: &str) {
    writeln!(std::io::stderr(), "{text}").ok();
}

/// Returns what runs, where to reach it, and how to stop it.
///
/// `postgres` is the URL of the Postgres that was started for the run, which has no password; `token` is one for the API,
/// which ends with it.
pub(super) fn header(config: &Config, arguments: &DevArguments, postgres: Option<&str>, token: &str) -> String {
    let files = &config.ingest.files;
    let org = files.org.as_ref().map_or_else(|| "their orgs".to_owned(), |org| format!("org {org}"));
    let played = if arguments.input.is_empty() {
        "the simulated org of `orgwatch demo`".to_owned()
    } else {
        let paths: Vec<String> = arguments.input.iter().map(|path| path.display().to_string()).collect();
        paths.join(", ")
    };
    let teaches =
        config.detector.learn_until.map_or_else(String::new, |until| format!("; until {until} it only teaches"));
    let tokens = if config.ingest.orgs.is_empty() {
        "no token is configured: set [ingest.orgs] in a file for --config"
    } else {
        "with a token of [ingest.orgs]"
    };
    let destinations: Vec<&str> = config.notifier.destinations.keys().map(String::as_str).collect();
    let destinations = if destinations.is_empty() {
        "none, so nobody is notified: --webhook URL adds one".to_owned()
    } else {
        destinations.join(", ")
    };
    let push = url(config.ingest.listen, "/v1/events");
    let api = url(config.console.listen, "/v1/openapi.json");
    let probes = url(config.admin.listen, "/livez, /readyz and /metrics");
    let nats = if arguments.nats.is_some() { "as given by --nats" } else { &*config.nats.servers.join(", ") };
    let postgres = postgres.unwrap_or("as given by --postgres");
    format!(
        "orgwatch runs all services in this process.\n  \
           plays         {played}, for {org}{teaches}\n  \
           push          {push}; {tokens}\n  \
           API           {api}; authorization: Bearer {token}\n  \
           probes        {probes}\n  \
           incidents     printed here from severity {LEAST}; all are in Postgres\n  \
           destinations  {destinations}\n  \
           NATS          {nats}\n  \
           Postgres      {postgres}\n\
         Ctrl-C stops it, and again at once. Both remove what it started and wrote for itself.\n"
    )
}

/// The least severity of incidents that are printed; the incident list has the others.
pub(super) const LEAST: Severity = Severity::High;

fn url(address: SocketAddr, path: &str) -> String {
    match address.port() {
        0 => format!("at a free port of {}, {path}", address.ip()),
        _ => format!("http://{address}{path}"),
    }
}

/// Prints how many events of the files were played, until `shutdown`.
pub(super) async fn progress(store: Store, org: Option<OrgId>, shutdown: CancellationToken) {
    let mut before = 0;
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(PROGRESS) => {}
        }
        let count = played(&store, org.as_ref()).await.unwrap_or_default();
        if count > before {
            print(&format!("{count} events played"));
            before = count;
        }
    }
}

/// Returns how many events of the files were published.
async fn played(store: &Store, org: Option<&OrgId>) -> Result<u64> {
    let org = org.cloned().unwrap_or_else(|| OrgId::new(""));
    let position = store.position("files", &org).await?;
    Ok(position.and_then(|position| position.get("acknowledged")?.as_u64()).unwrap_or(0))
}

/// Returns what was found when everything was played, and what to do next unless the run ends.
///
/// # Errors
/// If the database does not answer.
pub(super) async fn end(
    store: &Store,
    config: &Config,
    arguments: &DevArguments,
    postgres: Option<&str>,
) -> Result<String> {
    let statuses = Some(vec![Status::Open, Status::Acknowledged, Status::Resolved]);
    let incidents = store.incidents(&IncidentFilter { statuses, ..IncidentFilter::default() }).await?;
    let grave = incidents.iter().filter(|stored| stored.incident.severity >= LEAST).count();
    let played = match played(store, config.ingest.files.org.as_ref()).await? {
        0 => String::new(),
        count => format!("{count} events, "),
    };
    let found =
        format!("Everything is played: {played}{} incidents, {grave} of severity {LEAST} or above.", incidents.len());
    if arguments.is_finite() {
        return Ok(found);
    }
    let variable = postgres.map_or_else(String::new, |url| format!("ORGWATCH_POSTGRES__URL={url} "));
    Ok(format!(
        "{found}\nNext, in another terminal: {variable}orgwatchd export - > incidents.ndjson, then orgwatch explain \
         incidents.ndjson. Ctrl-C ends the run."
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        dev: DevArguments,
    }

    fn check(arguments: &[&str], change: impl FnOnce(&mut Config), expected: &[&str]) {
        let line = Line::parse_from([&["dev"], arguments].concat());
        let mut config = Config::default();
        config.nats.servers = vec!["nats://127.0.0.1:4333".to_owned()];
        config.ingest.listen.set_ip([127, 0, 0, 1].into());
        config.admin.listen.set_ip([127, 0, 0, 1].into());
        change(&mut config);
        let header = header(&config, &line.dev, Some("postgres://postgres@127.0.0.1:5555/postgres"), "orgwatch_token");
        for part in expected {
            assert!(header.contains(part), "{part} is missing in:\n{header}");
        }
    }

    #[test]
    fn the_header_has_all_addresses() {
        let expected = [
            "the simulated org of `orgwatch demo`",
            "http://127.0.0.1:8080/v1/events; no token is configured",
            "/v1/openapi.json; authorization: Bearer orgwatch_token",
            "http://127.0.0.1:9090/livez",
            "from severity high",
            "none, so nobody is notified",
            "nats://127.0.0.1:4333",
            "postgres://postgres@127.0.0.1:5555/postgres",
            "Ctrl-C",
        ];
        check(&[], |_| (), &expected);
    }

    #[test]
    fn the_header_shows_no_url_that_was_given() {
        let given =
            ["--nats", "nats://me:s3cret@host", "--postgres", "postgres://me:s3cret@host/db", "--input", "a.ndjson"];
        let line = Line::parse_from([&["dev"][..], &given].concat());
        let mut config = Config::default();
        config.nats.servers = line.dev.nats.clone().into_iter().collect();
        let header = header(&config, &line.dev, None, "orgwatch_token");
        assert!(!header.contains("s3cret") && header.contains("as given by --nats"), "{header}");
        assert!(header.contains("plays         a.ndjson, for their orgs"), "{header}");
    }

    #[test]
    fn a_port_that_is_not_known_yet_is_no_url() {
        check(&[], |config| config.ingest.listen.set_port(0), &["at a free port of 127.0.0.1, /v1/events"]);
    }
}
