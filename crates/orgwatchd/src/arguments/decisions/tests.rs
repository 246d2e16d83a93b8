use crate::arguments::{
    Arguments, ClassifyArguments, Command, ConfigCommand, DecideArguments, IncidentCommand, SuppressCommand,
    WatchCommand,
};
use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};
use model::{Disposition, Status};

const ORG: &str = "00D000000000001";
const INCIDENT: &str = "00000000-0000-0000-0000-000000000001";

fn parse(line: &str) -> Result<Command, clap::Error> {
    let words = line.replace("ORG", ORG).replace("INCIDENT", INCIDENT);
    Arguments::try_parse_from(std::iter::once("orgwatchd").chain(words.split_whitespace())).map(|parsed| parsed.command)
}

#[test]
fn the_command_line_is_well_formed() {
    Arguments::command().debug_assert();
}

#[test]
fn what_is_decided_needs_a_reason() {
    for line in [
        "decide INCIDENT benign",
        "incident resolve INCIDENT --as-what benign",
        "incident reopen INCIDENT",
        "incident join INCIDENT INCIDENT",
        "suppress add --org ORG --detector row_spike",
        "suppress end INCIDENT",
        "watch add --org ORG emma --cause departing",
        "watch end INCIDENT",
        "classify --org ORG emma admin",
        "classify --org ORG emma --end",
        "sensitivity set --org ORG Account 2",
        "sensitivity end INCIDENT",
        "allow --org ORG bot --hours 1-4",
        "decisions undo INCIDENT",
        "config push a.toml --org ORG",
        "config push --reset --org ORG",
        "config revert INCIDENT",
        "calendar set --org ORG --fiscal-year-start 2",
        "calendar end --org ORG",
    ] {
        let error = parse(line).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::MissingRequiredArgument, "{line}: {error}");
        let error = parse(&format!("{line} --reason")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidValue, "{line}: {error}");
        parse(&format!("{line} --reason because --as anna --json --no-wait")).expect(line);
    }
}

#[test]
fn what_only_reads_or_remarks_needs_none() {
    for line in [
        "incident list",
        "incident list --org ORG --user emma --status open,resolved --limit 5 --json",
        "incident show INCIDENT --json",
        "incident acknowledge INCIDENT --as anna",
        "incident comment INCIDENT asked-her --as anna",
        "incident snooze INCIDENT --until 2026-03-01",
        "suppress list --org ORG --all --json",
        "suppress preview --org ORG --user emma --json",
        "watch list",
        "sensitivity list",
        "propose-allowlist --org ORG bot --days 30",
        "config push a.toml --as anna --dry-run --json",
        "config live --org ORG",
        "calendar show --org ORG --json",
        "config history --org ORG --json",
        "decisions list --org ORG --user emma --kind class --all --json",
    ] {
        parse(line).expect(line);
    }
}

#[test]
fn words_are_read_with_hyphens_and_wrong_ones_are_answered_with_all() {
    let Ok(Command::Decide(DecideArguments { disposition, incidents, effects })) =
        parse("decide INCIDENT INCIDENT false-positive --reason because --suppress")
    else {
        panic!()
    };
    assert_eq!((disposition, incidents.len()), (Disposition::FalsePositive, 2));
    assert!(effects.suppress && !effects.no_teach && !effects.no_precision && !effects.dry_run);
    let Ok(Command::Incident(IncidentCommand::List { status, limit, .. })) = parse("incident list --status resolved")
    else {
        panic!()
    };
    assert_eq!((status, limit), (vec![Status::Resolved], 50));
    for (line, expected) in [
        ("decide INCIDENT fine --reason because", "must be one of malicious, suspicious, benign, false-positive"),
        ("incident list --status done", "must be one of open, acknowledged, resolved, merged, withdrawn"),
        ("watch add --org ORG emma --cause fun --reason because", "must be one of departing, investigation"),
        ("decisions list --kind guess", "must be one of disposition, suppression"),
        ("suppress preview --org ORG --hours 25-1", "two hours from 0 to 23"),
        ("suppress preview --org ORG --network office", "a network or an address"),
        ("watch add --org ORG emma --cause other --factor 1 --reason because", "above 1 and at most 20"),
        ("watch add --org ORG emma --cause other --factor NaN --reason because", "above 1 and at most 20"),
        ("watch add --org ORG emma --cause other --factor 1.00001 --reason because", "above 1 and at most 20"),
        ("sensitivity set --org ORG Account 0 --reason because", "must be 0.05 to 20"),
        ("sensitivity set --org ORG Account 21 --reason because", "must be 0.05 to 20"),
        ("propose-allowlist --org ORG bot --days 0", "0 is not in 1..=400"),
        ("incident show everything", "invalid value"),
    ] {
        let error = parse(line).unwrap_err().to_string();
        assert!(error.contains(expected), "{line}: {error}");
    }
}

#[test]
fn flags_that_contradict_each_other_are_refused() {
    for line in [
        "suppress add --org ORG --user emma --until 2026-03-01 --for-good --reason because",
        "classify --org ORG emma admin --end --reason because",
        "classify --org ORG emma --reason because",
        "allow --org ORG bot --reason because",
        "allow --org ORG bot --file a.json --hours 1-4 --reason because",
        "allow --org ORG bot --end --most-rows 4 --reason because",
        "decide INCIDENT --reason because",
        "watch add emma --cause departing --reason because",
        "config push a.toml --from 2026-03-01 --reason because",
        "config push --org ORG --reason because",
        "calendar set --org ORG --reason because",
    ] {
        parse(line).expect_err(line);
    }
    let Ok(Command::Classify(ClassifyArguments { class: None, end: true, .. })) =
        parse("classify --org ORG emma --end --reason because")
    else {
        panic!()
    };
}

#[test]
fn an_org_is_reset_or_gets_keys() {
    let checked = |line: &str| match parse(line) {
        Ok(Command::Config(command)) => command.checked(),
        other => panic!("{line}: {other:?}"),
    };
    let error = checked("config push a.toml --reset --org ORG --reason because").unwrap_err();
    assert!(error.contains("takes no file"), "{error}");
    let Ok(ConfigCommand::Push(push)) = checked("config push a.toml --org ORG --org ORGEAA --reason because") else {
        panic!()
    };
    assert_eq!(push.orgs.len(), 1);
    checked("config push empty.toml --reset").unwrap();
}

#[test]
fn a_suppression_does_not_hide_everything_of_an_org() {
    let scope = |line: &str| match parse(line) {
        Ok(Command::Suppress(command)) => command.scope(),
        other => panic!("{line}: {other:?}"),
    };
    let error = scope("suppress add --org ORG --reason because").unwrap_err();
    assert!(error.contains("this would hide every finding of the org"), "{error}");
    assert!(scope("suppress add --org ORG --user emma --reason because").unwrap().is_everything());
    let keys = "suppress preview --org ORG --class admin --detector a --detector b --object Account --resource 00O \
                --network 10.0.0.0/8 --client curl --app Loader --hours 22-5";
    let json = r#"{"classes":["admin"],"detectors":["a","b"],"objects":["Account"],"resources":["00O"],"networks":["10.0.0.0/8"],"clients":["curl"],"apps":["Loader"],"hours":"22-5"}"#;
    assert_eq!(serde_json::to_string(&scope(keys).unwrap()).unwrap(), json);
    let Ok(Command::Suppress(SuppressCommand::Add { holds, .. })) =
        parse("suppress add --org ORG --user emma --for-good --reason because")
    else {
        panic!()
    };
    assert!(holds.for_good && holds.until.is_none());
    let Ok(Command::Watch(WatchCommand::Add { factor, .. })) =
        parse("watch add --org ORG emma --cause departing --reason because")
    else {
        panic!()
    };
    assert_eq!(factor, 3.0);
    let Ok(Command::Watch(WatchCommand::Add { factor, .. })) =
        parse("watch add --org ORG emma --cause departing --factor 12.674984735380955 --reason because")
    else {
        panic!()
    };
    assert_eq!(factor, 12.675);
}
