//! What was said of an incident is taken back.

use super::site::{Site, id};
use model::Ruling;
use serde_json::Value;
use store::DecisionFilter;

#[tokio::test]
async fn an_incident_is_reopened_with_the_suppression_that_was_made_with_its_disposition() {
    let site = Site::new().await;
    let one = id(1);
    let line = format!("decide {one} false-positive --reason quarterly --suppress --no-wait");
    site.text(&line).await;
    let decisions = site.store.decisions(&DecisionFilter::default()).await.unwrap();
    let [hidden, said] = decisions.as_slice() else { panic!("{decisions:?}") };
    assert!(matches!(&hidden.ruling, Ruling::Suppression { incident_id: Some(of), .. } if of.to_string() == one));
    let other = site.decided("suppress add --org ORG --user emma --detector row_spike --reason quarterly").await;
    let text = site.text(&format!("incident reopen {one} --reason mistake --no-wait")).await;
    let expect = format!("takes back decision {}: incident {one} was false positive\n", said.decision_id);
    assert!(text.starts_with(&expect), "{text}");
    let expect =
        format!("takes back decision {}: hide findings with detectors new_access or row_spike\n", hidden.decision_id);
    assert!(text.contains(&expect), "{text}");
    let left = site.json("suppress list --org ORG").await;
    let left: Vec<&Value> =
        left["suppressions"].as_array().unwrap().iter().map(|s| &s["decision"]["decision_id"]).collect();
    assert_eq!(left, [&other["decision_id"]], "what does not go with it stays");
    let again = site.text(&format!("{line} --json")).await;
    let again: Value = serde_json::from_str(&again).unwrap();
    let back = site.json(&format!("incident reopen {one} --reason mistake --no-wait")).await;
    let taken: Vec<&Value> = back["effects"].as_array().unwrap().iter().map(|effect| &effect["takes_back"]).collect();
    let made: Vec<&Value> =
        again["decisions"].as_array().unwrap().iter().map(|made| &made["decision_id"]).rev().collect();
    assert_eq!(taken, made);
}
