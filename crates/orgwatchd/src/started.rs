//! What a process logs about its configuration when it starts.

use crate::config::Config;
use model::OrgId;
use std::collections::BTreeSet;

/// Logs what a process runs with, in one line.
pub(crate) fn announce(config: &Config, service: &str) {
    let file = config.file.as_ref().map_or_else(|| "none".to_owned(), |file| file.display().to_string());
    tracing::info!(
        service,
        version = env!("CARGO_PKG_VERSION"),
        config = file,
        rules = %config.rules().hash(),
        orgs = listed(&orgs(config)),
        destinations = listed(&destinations(config)),
        "starting"
    );
}

/// Warns if ingest has nothing to read.
pub(crate) fn warn_without_sources(config: &Config) {
    if orgs(config).is_empty() && config.ingest.files.paths.is_empty() {
        tracing::warn!(
            "no org is configured, nothing will be read: set ingest.orgs for pushes, ingest.salesforce.orgs or ingest.files"
        );
    }
}

/// Warns if the notifier has nobody to notify.
pub(crate) fn warn_without_destinations(config: &Config) {
    if destinations(config).is_empty() {
        tracing::warn!("no destination is configured, nobody will be notified: set notifier.destinations");
    }
}

/// Returns the ids of the orgs that are configured, by whatever source.
fn orgs(config: &Config) -> BTreeSet<String> {
    let read = config.ingest.salesforce.orgs.values().map(|org| &org.org_id);
    let all = config.ingest.orgs.keys().chain(read).chain(&config.ingest.files.org);
    // In the configuration an id may have 15 characters.
    all.map(|org| OrgId::new(org.as_str()).to_string()).collect()
}

fn destinations(config: &Config) -> BTreeSet<String> {
    config.notifier.destinations.keys().cloned().collect()
}

/// Names that are listed in one line; the rest is counted. A choice: about 400 characters of ids.
const LISTED: usize = 20;

/// Returns the names, separated by commas, or `none`.
fn listed(names: &BTreeSet<String>) -> String {
    let mut listed: Vec<String> = names.iter().take(LISTED).cloned().collect();
    match names.len() {
        0 => return "none".to_owned(),
        all if all > LISTED => listed.push(format!("{} more", all - LISTED)),
        _ => {}
    }
    listed.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lists_are_counted() {
        let names = |count: usize| listed(&(10..10 + count).map(|name| name.to_string()).collect());
        assert_eq!(names(0), "none");
        assert_eq!(names(2), "10, 11");
        assert!(names(20).ends_with(", 29") && names(23).ends_with(", 29, 3 more"), "{}", names(23));
    }
}
