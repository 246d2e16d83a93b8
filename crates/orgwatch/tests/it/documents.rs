//! `config`, `simulate` and `completions`.

use crate::support::{ORG, fail, file, json, succeed, text};
use std::path::Path;

#[test]
fn the_defaults_pass_the_check() {
    let (_folder, path) = file("orgwatch.toml", &succeed(&["config", "default"]));
    let checked = succeed(&["config", "check", &text(&path)]);
    let shown = succeed(&["config", "show", &text(&path)]);
    assert_eq!(shown, succeed(&["config", "show"]));
    let hash = shown.lines().next().unwrap().trim_start_matches("# hash ");
    assert!(checked.contains(hash), "{checked}");
}

#[test]
fn a_wrong_setting_is_named() {
    let check = |content: &str, expected: &str| {
        let (_folder, path) = file("orgwatch.toml", content);
        let (code, error) = fail(&["config", "check", &text(&path)]);
        assert_eq!(code, Some(1));
        assert!(error.contains(expected) && error.contains("orgwatch.toml"), "{error}");
    };
    check("[detect]\nraise_att = 3.0\n", "raise_att");
    check("[detect]\nraise_at = 99\n", "detect.raise_at");
    check("[detect.detectors.row_spyke]\nenabled = false\n", "row_spyke");
    check("[detect\n", "line 1");
}

#[test]
fn a_wrong_setting_stops_a_run_before_it_starts() {
    let (_folder, path) = file("orgwatch.toml", "[profile]\ntime_zone = \"Mars\"\n");
    let (code, error) = fail(&["backtest", "--config", &text(&path), "no-such-file.ndjson"]);
    assert!(code == Some(1) && error.contains("profile.time_zone"), "{error}");
}

#[test]
fn simulated_log_files_can_be_read_back() {
    let folder = tempfile::tempdir().unwrap();
    let out = text(folder.path());
    let arguments = ["simulate", "--users", "20", "--days", "12", "--format", "csv", "--attacks", "0", "--out", &out];
    let printed = succeed(&arguments);
    let written: u64 = printed.split_whitespace().next().unwrap().parse().unwrap();
    let names: Vec<String> = names(folder.path());
    assert!(names.iter().filter(|name| name.ends_with(".csv")).count() > 12, "{names:?}");

    let value = json(&succeed(&["backtest", "--json", "--org", ORG, &out]));
    let counts = &value["reading"]["counts"];
    assert_eq!((counts["events"].as_u64(), counts["set_aside"].as_u64()), (Some(written), Some(0)));
    let skipped = value["reading"]["skipped"].as_array().unwrap();
    assert_eq!(skipped.len(), 1);
    assert!(skipped[0]["file"].as_str().unwrap().ends_with("labels.json"));
}

#[test]
fn a_simulation_can_be_cut_and_refused() {
    let folder = tempfile::tempdir().unwrap();
    let out = text(folder.path());
    let simulate =
        |users| ["simulate", "--users", users, "--days", "12", "--events", "500", "--out", &out].map(str::to_owned);
    let arguments = simulate("20");
    succeed(&arguments.each_ref().map(String::as_str));
    assert_eq!(std::fs::read_to_string(folder.path().join("events.ndjson")).unwrap().lines().count(), 500);
    let arguments = simulate("2");
    let (code, error) = fail(&arguments.each_ref().map(String::as_str));
    assert!(code == Some(1) && error.contains("users is 2"), "{error}");
}

#[test]
fn completions_for_every_shell() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = succeed(&["completions", shell]);
        assert!(script.contains("backtest") && script.contains("fail-at"), "{shell}");
    }
}

fn names(folder: &Path) -> Vec<String> {
    let files = std::fs::read_dir(folder).unwrap();
    files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect()
}
