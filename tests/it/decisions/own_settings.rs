//! Settings of single orgs are decisions: they are pushed, listed and taken back.

use super::site::{DAY, ORG, START, Site, at, becomes, id};
use ::settings::Settings as Rules;
use model::{Timestamp, Uuid};
use orgwatchd::{Config, Node};
use serde_json::{Value, json};
use servers::Nats;
use std::path::Path;
use store::{DecisionFilter, Owner, Settings};
use tempfile::TempDir;

const OTHER: &str = "00D000000000002EAA";

/// A site with services that are configured, so that there are settings for all orgs.
struct Configured {
    site: Site,
    folder: TempDir,
    _nats: Nats,
}

impl Configured {
    async fn new() -> Self {
        let (site, nats, folder) = (Site::new().await, Nats::start().await.unwrap(), tempfile::tempdir().unwrap());
        let configured = Self { site, folder, _nats: nats };
        let (nats, postgres) = (configured._nats.url(), configured.site.postgres.url());
        let text = format!("nats.servers = [\"{nats}\"]\npostgres.url = \"{postgres}\"\n[detect]\nraise_at = 2.5\n");
        let path = configured.write("orgwatchd.toml", &text);
        Node::connect(Config::load(Some(Path::new(&path))).unwrap(), "test", &[]).await.unwrap();
        configured
    }

    /// Writes a file, and returns its path.
    fn write(&self, name: &str, text: &str) -> String {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }

    fn line(&self, line: &str) -> String {
        format!("--config {} {line}", self.folder.path().join("orgwatchd.toml").display())
    }

    async fn text(&self, line: &str) -> String {
        self.site.text(&self.line(line)).await
    }

    async fn json(&self, line: &str) -> Value {
        self.site.json(&self.line(line)).await
    }

    async fn refused(&self, line: &str) -> String {
        self.site.refused(&self.line(line)).await
    }

    async fn decided(&self, line: &str) -> Value {
        self.site.decided(&self.line(line)).await
    }

    /// Lets the decisions take effect with the close of the hour before the org's clock.
    async fn close_hour(&self, decisions: &[&Value]) {
        let settings = Settings { url: self.site.postgres.url().into(), ..Settings::default() };
        let owner = Owner::connect(&settings, "test", "test", 1).await.unwrap();
        assert!(owner.try_acquire(1).await.unwrap());
        let of = |decision: &&Value| store::Effect { decision_id: id_of(decision), hour: Timestamp(START + DAY) };
        owner.checkpoint(1, 2, &[], &[], &decisions.iter().map(of).collect::<Vec<_>>(), &[]).await.unwrap();
        owner.close().await.unwrap();
    }
}

fn id_of(decision: &Value) -> Uuid {
    decision["decision_id"].as_str().unwrap().parse().unwrap()
}

fn hash_of(decision: &Value) -> &str {
    decision["ruling"]["hash"].as_str().unwrap()
}

/// Returns the keys that change.
fn changes(effect: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or("unset").to_owned();
    let changes = effect["changes"].as_array().unwrap().iter();
    changes.map(|c| format!("{}: {} → {}", text(&c["key"]), text(&c["old"]), text(&c["new"]))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_of_an_org_are_pushed_listed_and_taken_back() {
    let site = Configured::new().await;
    let wide = site.write("wide.toml", "[risk]\nmerge_hours = 48\n");
    let raised = site.write("raised.toml", "detect.raise_at = 3.5\n");
    let push = format!("config push {wide} --org ORG --reason migration");

    // Emma's two incidents are 30 hours apart: they would have been one.
    let dry = site.json(&format!("{push} --dry-run")).await;
    let effect = &dry["effects"][0];
    assert_eq!((&dry["decisions"], changes(effect)), (&json!([]), vec!["risk.merge_hours: 24 → 48".to_owned()]));
    let mut would_be = becomes(&effect["preview"]);
    would_be.sort_unstable();
    assert_eq!(would_be, ["merges", "stays", "stays"]);
    let text = site.text(&format!("{push} --dry-run")).await;
    for part in [
        "  risk.merge_hours: 24 → 48\n",
        "1 join another one",
        "these incidents stay as they are",
        "\nnothing was decided\n",
    ] {
        assert!(text.contains(part), "{part} is missing:\n{text}");
    }
    assert!(site.site.store.decisions(&DecisionFilter::default()).await.unwrap().is_empty());

    // Each push is over the one before, and what it stores is what detectors and the correlator look up.
    let first = site.decided(&push).await;
    let second = site.decided(&format!("config push {raised} --org ORG --reason noise")).await;
    assert_eq!((&second["from"], second.get("user_id"), second.get("until")), (&at(START + 2 * DAY), None, None));
    let expect = Rules::parse("[detect]\nraise_at = 3.5\n[risk]\nmerge_hours = 48\n", Path::new("expect")).unwrap();
    let toml = second["ruling"]["toml"].as_str().unwrap();
    let decided = Rules::read_stored(toml, Path::new("decided")).unwrap();
    assert_eq!((decided.stored().unwrap(), toml), (expect.stored().unwrap(), toml));
    for decision in [&first, &second] {
        let stored = site.site.store.settings(&[hash_of(decision).into()]).await.unwrap();
        assert_eq!(stored, [(hash_of(decision).into(), decision["ruling"]["toml"].as_str().unwrap().to_owned())]);
    }
    assert_eq!(site.json(&format!("config push {raised} --org ORG --reason a")).await["decisions"], json!([]));

    // Until an hour has closed, the org follows the services.
    let live = site.text("config live --org ORG").await;
    assert!(live.contains("those of the services") && live.contains("raise_at = 2.5"), "{live}");
    assert!(live.contains(&format!("# decision {} waits for the next hour", id_of(&second))), "{live}");
    site.close_hour(&[&first, &second]).await;
    let live = site.text("config live --org ORG").await;
    assert!(live.starts_with(&format!("# settings {} of org {ORG}: decision {}", hash_of(&second), id_of(&second))));
    assert!(live.contains("raise_at = 3.5") && live.contains("merge_hours = 48"), "{live}");

    // A push to all orgs is in the history, too.
    site.text(&format!("config push {wide} --reason tidy --as anna")).await;
    let history = site.json("config history --org ORG").await;
    let entries = history["history"].as_array().unwrap();
    let standings: Vec<&Value> = entries.iter().map(|entry| &entry["standing"]).collect();
    assert_eq!(standings, [&json!("replaced"), &json!("in_force"), &Value::Null]);
    assert_eq!((&entries[1]["since"], &entries[1]["reason"]), (&at(START + DAY), &json!("noise")));
    assert_eq!((&entries[2]["detail"]["reason"], &entries[2]["claimed_by"]), (&json!("tidy"), &json!("anna")));
    assert_eq!(site.json(&format!("config history --org {OTHER}")).await["history"].as_array().unwrap().len(), 1);
    let text = site.text("config history").await;
    for part in ["in force", "replaced", "noise", "tidy", "anna (as claimed by postgres)", hash_of(&second)] {
        assert!(text.contains(part), "{part} is missing:\n{text}");
    }

    // Taken back, the org follows the push before; reset, it follows the services.
    let reverted = site.json(&format!("config revert {} --reason mistake --no-wait", id_of(&second))).await;
    assert_eq!(changes(&reverted["effects"][0]), ["detect.raise_at: 3.5 → 2.5"]);
    assert_eq!(reverted["decisions"][0]["ruling"]["decision_id"], second["decision_id"]);
    let again = format!("config revert {} --reason mistake", id_of(&second));
    assert!(site.refused(&again).await.contains("is taken back already"));
    assert!(site.text("config live --org ORG").await.contains(&id_of(&first).to_string()));
    let reset = site.decided("config push --reset --org ORG --reason done").await;
    assert_eq!(reset["ruling"], json!({ "kind": "ended", "decision_id": first["decision_id"] }));
    assert!(site.text("config live --org ORG").await.contains("those of the services"));
    let reset = "config push --reset --org ORG --reason done";
    assert!(site.refused(reset).await.contains("follows the settings of the services already"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_valid_for_an_org_is_refused() {
    let site = Configured::new().await;
    let file = |name: &str, text: &str| site.write(name, text);
    let fine = file("fine.toml", "[risk]\nmerge_hours = 48\n");
    let (wrong, parts) =
        (file("wrong.toml", "[risk]\nmerge_hours = 0\n"), file("parts.toml", "partitions.count = 8\n"));
    for (line, expected) in [
        (format!("config push {wrong} --org ORG --reason a"), "must be from 1 to 2160"),
        (format!("config push {parts} --org ORG --reason a"), "are fixed at installation"),
        (format!("config push {fine} --org {OTHER} --reason a"), "no hour of org"),
        (format!("config push {fine} --org ORG --org {OTHER} --reason a"), "no hour of org"),
        (format!("config revert {} --reason a", id(7)), "does not exist"),
    ] {
        let error = site.refused(&line).await;
        assert!(error.contains(expected), "{line}: {error}");
    }
    assert!(site.site.store.decisions(&DecisionFilter::default()).await.unwrap().is_empty());
    let early = site.decided(&format!("config push {fine} --org {OTHER} --from 2024-01-01 --reason a")).await;
    assert_eq!(early["from"], "2024-01-01T00:00:00.000Z");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_org_has_a_calendar_of_its_own() {
    let site = Configured::new().await;
    let file = "BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART;VALUE=DATE:20261225\nDTEND;VALUE=DATE:20261227\nEND:VEVENT\nEND:VCALENDAR\n";
    let (days, wrong) = (site.write("days.ics", file), site.write("wrong.ics", &file.replace("20261227", "soon")));
    let shown = site.json("calendar show --org ORG").await;
    assert_eq!((&shown["time_zone"], &shown["fiscal_year_start"]), (&json!("UTC"), &Value::Null));

    let set = format!(
        "calendar set --org ORG --time-zone Europe/Berlin --icalendar {days} --holiday 2027-01-01 --reason move"
    );
    let dry = site.json(&format!("{set} --dry-run")).await;
    let expect = [
        format!("orgs.{ORG}.holidays: unset → [\"2026-12-25\", \"2026-12-26\", \"2027-01-01\"]"),
        format!("orgs.{ORG}.time_zone: unset → \"Europe/Berlin\""),
    ];
    assert_eq!((changes(&dry["effects"][0]), &dry["decisions"]), (expect.to_vec(), &json!([])));
    let first = site.decided(&set).await;
    // What is not given stays.
    let second = site.decided("calendar set --org ORG --fiscal-year-start 2 --reason finance").await;
    assert_eq!(site.json("calendar show --org ORG").await["waiting"].as_array().unwrap().len(), 2);
    site.close_hour(&[&first, &second]).await;
    let shown = site.json("calendar show --org ORG").await;
    let calendar = [&shown["time_zone"], &shown["fiscal_year_start"], &shown["quarters_end_with"], &shown["holidays"]];
    let days = json!(["2026-12-25", "2026-12-26", "2027-01-01"]);
    assert_eq!(calendar, [&json!("Europe/Berlin"), &json!(2), &json!([4, 7, 10, 1]), &days]);
    assert_eq!((&shown["settings"], &shown["waiting"]), (&json!(hash_of(&second)), &json!([])));
    let text = site.text("calendar show --org ORG").await;
    for part in ["time zone: Europe/Berlin", "begins with month 2", "holidays: 3\n  2026-12-25\n"] {
        assert!(text.contains(part), "{part} is missing:\n{text}");
    }

    let ended = site.json("calendar end --org ORG --reason over --no-wait").await;
    assert_eq!(changes(&ended["effects"][0]).len(), 3);
    let toml = ended["decisions"][0]["ruling"]["toml"].as_str().unwrap();
    assert!(!toml.contains("Europe/Berlin") && toml.contains("raise_at = 2.5"), "{toml}");
    for (line, expected) in [
        (format!("--icalendar {wrong}"), "line 4: DTEND:soon: only events of whole days are read"),
        ("--time-zone Mars".to_owned(), "no such time zone"),
        ("--fiscal-year-start 13".to_owned(), "fiscal_year_start: must be from 1 to 12, is 13"),
        ("--holiday 25.12.2026".to_owned(), "holidays: must be dates such as"),
    ] {
        let error = site.refused(&format!("calendar set --org ORG {line} --reason a")).await;
        assert!(error.contains(expected), "{line}: {error}");
    }
}
