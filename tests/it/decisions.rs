//! People decide on the command line: what is recorded, what is printed, and how it is undone.

mod held_days;
mod own_settings;
mod reopened;
mod site;

use model::{Ruling, Timestamp, Uuid};
use serde_json::{Value, json};
use site::{DAY, SECOND, START, Site, at, becomes, id};
use std::time::Duration;
use store::{DecisionFilter, Purpose};
use tokio_util::sync::CancellationToken;

#[tokio::test]
async fn incidents_are_listed_shown_and_dealt_with() {
    let site = Site::new().await;
    let list = site.json("incident list --org ORG").await;
    let order: Vec<&str> =
        list["incidents"].as_array().unwrap().iter().map(|i| i["incident_id"].as_str().unwrap()).collect();
    assert_eq!(order, [id(3), id(2), id(1)], "the highest risk first");
    let list = site.json("incident list --user emma --limit 1").await;
    assert_eq!((&list["incidents"][0]["incident_id"], &list["left_out"]), (&json!(id(2)), &json!(1)));
    assert_eq!(site.text("incident list --status resolved").await, "no such incidents\n");
    let text = site.text("incident list").await;
    assert!(text.contains("emma@example.com") && text.contains(&id(1)) && text.contains("60.01"), "{text}");

    let one = id(1);
    let span = |decision: &Value| (decision["from"].clone(), decision["until"].clone());
    for (line, kind, reason) in [
        (format!("incident acknowledge {one}"), "acknowledged", ""),
        (format!("incident comment {one} asked"), "comment", "asked"),
        (format!("incident snooze {one} --until 2100-01-01 --reason holiday"), "snoozed", "holiday"),
    ] {
        let decision = site.decided(&line).await;
        assert_eq!((&decision["ruling"]["kind"], &decision["reason"]), (&json!(kind), &json!(reason)), "{line}");
        assert_eq!((&decision["ruling"]["incident_id"], &decision["user_id"]), (&json!(one), &json!("emma")), "{line}");
        assert_eq!(span(&decision), (at(START), at(START + 1_001)), "{line}");
    }
    let joined = site.decided(&format!("incident join {} {one} --reason same", id(2))).await;
    assert_eq!(span(&joined), (at(START), at(SECOND + 1_001)));

    let changed =
        async |number: usize| site.json("incident list").await["incidents"][number]["changed_since_look"].clone();
    assert_eq!(changed(2).await, json!(null), "nobody has looked");
    let shown = site.json(&format!("incident show {one}")).await;
    assert_eq!((changed(2).await, changed(1).await), (json!(false), json!(null)));
    assert_eq!((&shown["status"], &shown["incident"]["risk_score"]), (&json!("open"), &json!(60.01)));
    assert_eq!(shown["decisions"].as_array().unwrap().len(), 4);
    let text = site.text(&format!("incident show {one}")).await;
    for part in ["row_spike of emma", "45.00", "remark on incident", "holiday", "anna (as claimed by postgres)"] {
        assert!(text.contains(part), "{part} is missing:\n{text}");
    }

    let refused = async |line: String| site.refused(&line).await;
    assert!(refused(format!("incident show {}", id(9))).await.contains("does not exist; `orgwatchd incident list`"));
    assert!(refused(format!("incident snooze {one} --until 2020-01-01")).await.contains("has passed"));
    assert!(refused(format!("incident reopen {one} --reason a")).await.contains("nobody has said what it was"));
    assert!(refused(format!("incident join {one} {} --reason a", id(3))).await.contains("different accounts"));
    assert!(refused(format!("incident join {one} {one} --reason a")).await.contains("joined with itself"));
}

#[tokio::test]
async fn the_effects_of_a_disposition_are_said_before_it_is_recorded() {
    let site = Site::new().await;
    let one = id(1);
    let line = format!("decide {one} false-positive --reason quarterly --suppress");
    let dry = site.json(&format!("{line} --dry-run")).await;
    let effect = &dry["effects"][0];
    assert_eq!(effect["learning"], "days that are held back are learned at once");
    assert_eq!(effect["precision"], "counts as wrong: new_access 25 %, row_spike 75 %");
    // Both incidents of Emma are of the same detectors; the integration's is not hers.
    let suppression = &dry["suppressions"][0];
    assert_eq!((&suppression["hidden_findings"], becomes(suppression)), (&json!(4), vec!["vanishes"; 2]));
    assert_eq!(suppression["effects"][0]["incident_id"], json!(one));
    let text = site.text(&format!("{line} --dry-run")).await;
    assert!(text.ends_with("nothing was decided\n") && text.contains("2 vanish"), "{text}");
    assert!(site.store.decisions(&DecisionFilter::default()).await.unwrap().is_empty());

    let printed = site.json(&format!("{line} --no-wait")).await;
    assert_eq!(printed["effects"], dry["effects"]);
    let decisions = site.store.decisions(&DecisionFilter::default()).await.unwrap();
    let [hidden, disposed] = decisions.as_slice() else { panic!("{decisions:?}") };
    let Ruling::Suppression { scope, incident_id: Some(of) } = &hidden.ruling else { panic!("{hidden:?}") };
    assert_eq!((scope.detectors.len(), of.to_string()), (2, id(1)));
    assert_eq!(scope.detectors, ["new_access".into(), "row_spike".into()].into());
    let clock = START + 2 * DAY;
    assert_eq!((hidden.from, hidden.until), (Timestamp(clock), Some(Timestamp(clock + 30 * DAY))));
    let Ruling::Disposition(disposed) = &disposed.ruling else { panic!("{disposed:?}") };
    assert_eq!(disposed.credits, [("new_access".into(), 0.25), ("row_spike".into(), 0.75)].into());
    assert!(disposed.teaches);

    let quiet =
        site.decided(&format!("incident resolve {one} --as-what malicious --no-teach --no-precision --reason a")).await;
    assert_eq!((&quiet["ruling"]["teaches"], quiet["ruling"].get("credits")), (&json!(false), None));
}

#[tokio::test]
async fn decisions_are_listed_ended_and_undone() {
    let site = Site::new().await;
    let clock = START + 2 * DAY;
    let hidden =
        site.decided("suppress add --org ORG --detector row_spike --network 203.0.113.0/24 --reason known").await;
    assert_eq!((&hidden["from"], &hidden["until"]), (&at(clock), &at(clock + 30 * DAY)));
    assert_eq!(hidden.get("user_id"), None);
    let watch = site.decided("watch add --org ORG emma --cause departing --for-good --reason leaves").await;
    assert_eq!((&watch["ruling"]["factor"], watch.get("until")), (&json!(3.0), None));
    let class = site.decided("classify --org ORG bot integration --from 2024-01-01 --reason known").await;
    assert_eq!((&class["ruling"]["class"], class.get("until")), (&json!("integration"), None));
    let object = site.decided("sensitivity set --org ORG Salary__c 5 --until 2100-01-01 --reason secret").await;
    assert_eq!(
        (&object["ruling"]["object"], &object["until"]),
        (&json!("Salary__c"), &json!("2100-01-01T00:00:00.000Z"))
    );

    let preview = site.json("suppress preview --org ORG --detector row_spike").await;
    assert_eq!((&preview["hidden_findings"], becomes(&preview).len()), (&json!(3), 3));
    assert_eq!((&preview["from"], preview["until"].clone()), (&at(clock - 30 * DAY), Value::Null));
    // The first incidents of both accounts, without the second one of Emma.
    let (from, until) = (Timestamp(START), Timestamp(SECOND));
    let line =
        format!("suppress add --org ORG --detector row_spike --from {from} --until {until} --reason a --dry-run");
    let dry = site.json(&line).await;
    assert_eq!((&dry["hidden_findings"], &dry["from"], &dry["until"]), (&json!(2), &at(START), &at(SECOND)));
    let text = site.text(&line).await;
    assert!(text.starts_with("from 2024-10-04 00:00 to 2024-10-05 06:00, 2 findings would count"), "{text}");
    let listed = site.json("suppress list --org ORG").await;
    let first = &listed["suppressions"][0];
    assert_eq!(
        (&first["standing"], &first["hidden_findings"], &first["last_hidden_at"]),
        (&json!("in_force"), &json!(0), &Value::Null)
    );
    let text = site.text("watch list").await;
    assert!(text.contains("watch (departing), odds × 3") && text.contains("for good"), "{text}");
    assert_eq!(site.json("decisions list --org ORG --user emma").await["decisions"].as_array().unwrap().len(), 1);

    // End one, undo another, and undo that.
    let id_of = |decision: &Value| decision["decision_id"].as_str().unwrap().to_owned();
    let end = site.decided(&format!("suppress end {} --reason over", id_of(&hidden))).await;
    assert_eq!((&end["ruling"]["decision_id"], &end["from"]), (&hidden["decision_id"], &at(clock)));
    assert!(site.text("suppress list").await.contains("no such decisions"));
    let undone = site.decided(&format!("decisions undo {} --reason mistake", id_of(&watch))).await;
    assert_eq!(undone["user_id"], "emma");
    assert!(site.text("watch list").await.contains("no such decisions"));
    let reinstated = site.decided(&format!("decisions undo {} --reason right", id_of(&undone))).await;
    assert!(site.text("watch list").await.contains("departing"));
    let ended = site.decided("classify --org ORG bot --end --reason over").await;
    assert_eq!(ended["ruling"]["decision_id"], class["decision_id"]);
    for line in [
        format!("decisions undo {} --reason a", id_of(&undone)),
        format!("suppress end {} --reason a", id_of(&hidden)),
        format!("suppress end {} --from 2024-01-01 --reason a", id_of(&hidden)),
    ] {
        let error = site.refused(&line).await;
        let earlier = if line.starts_with("decisions") { &reinstated } else { &end };
        let by = format!("already, by decision {} of anna (as claimed by postgres)", id_of(earlier));
        assert!(error.contains(&by), "{line}: {error}");
    }
    let all = site.json("decisions list --all").await;
    let standings: Vec<&str> =
        all["decisions"].as_array().unwrap().iter().map(|d| d["standing"].as_str().unwrap()).collect();
    assert_eq!(standings, ["ended", "in_force", "ended", "in_force", "in_force", "undone", "in_force", "in_force"]);

    for (line, expected) in [
        ("classify --org ORG bot --end --reason a".to_owned(), "there is nothing to end"),
        (format!("watch end {} --reason a", id_of(&hidden)), "is a suppression, not a watch"),
        (format!("decisions undo {} --reason a", id(7)), "does not exist"),
        ("watch add --org 00D000000000009 emma --cause other --reason a".to_owned(), "no hour of org"),
        ("watch add --org ORG emma --cause other --until 2020-01-01 --reason a".to_owned(), "is not after the start"),
    ] {
        let error = site.refused(&line).await;
        assert!(error.contains(expected), "{line}: {error}");
    }
}

#[tokio::test]
async fn an_allowlist_is_proposed_from_findings_and_accepted() {
    let site = Site::new().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bot.json");
    let (code, proposed, hint) = site.run("propose-allowlist --org ORG bot").await;
    assert_eq!(code, Some(0));
    assert!(hint.starts_with("from 2 findings of the last 90 days"), "{hint}");
    std::fs::write(&file, &proposed).unwrap();
    let file = file.to_str().unwrap();
    let accepted = site.decided(&format!("allow --org ORG bot --file {file} --reason read")).await;
    let expect = json!({ "hours": "0-0", "networks": ["203.0.113.0/24"], "clients": ["curl"], "objects": ["Contact"] });
    assert_eq!(accepted["ruling"]["allowlist"], expect);
    let ended = site.decided("allow --org ORG bot --end --reason over").await;
    assert_eq!(ended["ruling"]["decision_id"], accepted["decision_id"]);
    let by_hand = site.decided("allow --org ORG bot --hours 1-4 --most-rows 500 --reason known").await;
    assert_eq!(by_hand["ruling"]["allowlist"], json!({ "hours": "1-4", "most_rows": 500 }));

    assert!(site.refused("propose-allowlist --org ORG nobody").await.contains("had no findings"));
    std::fs::write(file, "{}").unwrap();
    assert!(site.refused(&format!("allow --org ORG bot --file {file} --reason a")).await.contains("names nothing"));
}

#[tokio::test]
async fn a_command_waits_until_its_decision_is_applied_and_exports_have_it() {
    let site = Site::new().await;
    let stop = CancellationToken::new();
    let correlator = tokio::spawn({
        let (store, stop) = (site.store.clone(), stop.clone());
        async move {
            while !stop.is_cancelled() {
                for purpose in [Purpose::Incidents, Purpose::Stream] {
                    let due = store.due_decisions(purpose, 10).await.unwrap();
                    let ids: Vec<Uuid> = due.iter().map(|decision| decision.decision_id).collect();
                    store.done_with(purpose, &ids).await.unwrap();
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    });
    let text = site.text(&format!("decide {} benign --reason migration", id(1))).await;
    let applied = "applied; what is learned or judged by changes when the org's next hour of event time closes\n";
    assert!(text.ends_with(applied), "{text}");
    let text = site.text(&format!("incident acknowledge {}", id(1))).await;
    assert!(text.ends_with("\napplied\n"), "{text}");
    stop.cancel();
    correlator.await.unwrap();
    let text = site.text(&format!("incident acknowledge {} --no-wait", id(1))).await;
    assert!(text.ends_with("not applied yet: the correlator does that as soon as it runs\n"), "{text}");

    let exported = site.text("export --decisions -").await;
    let lines: Vec<model::Decision> = exported.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines, site.store.decisions(&DecisionFilter::default()).await.unwrap());
    assert_eq!(lines.len(), 3);
}
