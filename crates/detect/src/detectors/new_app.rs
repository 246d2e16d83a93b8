//! `new_app`: a connected app that is new to the account.

use super::detector;
use crate::judgement::{Explanation, Judgement};
use crate::{Settings, Unscoreable, score, text};
use model::Observation;
use profile::tail;

detector! {
    /// Judges a connected app that the account uses for the first time: how often the account gets a new one, and how many
    /// other accounts use this one.
    NewApp = "new_app", Identity, ceiling 7.0,
    next "Ask the user who asked them to connect the app; unless it is wanted, block it in Setup, under Connected Apps OAuth Usage, and revoke its tokens.",
    App => app
}

/// Factor on the p-value while the app has read nothing: half a unit of surprise. A choice.
const IDLE: f64 = 3.0;
/// Least p-value of an app that is rolled out: many accounts began to use it within two weeks. A choice.
const ROLLED_OUT: f64 = 0.05;

fn app<'a>(new: &'a model::NewApp, _: &'a Observation, _: &'a Settings) -> Result<Judgement<'a>, Unscoreable> {
    if new.days <= 0.0 {
        return Err(Unscoreable::NoBaseline);
    }
    let idle = if new.rows > 0.0 { 1.0 } else { IDLE };
    // An app that a half of the org uses is no news, and one that every tenth account uses hardly is any.
    let share = f64::from(new.users) / f64::from(new.accounts.max(1));
    let least = if new.rolled_out { ROLLED_OUT } else { share * share };
    let first = (new.chance * idle).min(1.0);
    let surprise = tail::surprise((first * new.peer_tail).max(least));
    Ok(Judgement::new(surprise, "", move || {
        let of_first = tail::surprise(first).min(surprise);
        Explanation {
            confidence: score::confidence(new.days),
            summary: format!(
                "Used the connected app {} for the first time{}; {}; a new app usually comes {}",
                named(new),
                read(new),
                users(new),
                text::how_often(new.chance),
            ),
            features: vec![
                ("connectedApp", named(new), of_first),
                ("accountsWithApp", new.users.to_string(), surprise - of_first),
            ],
            measures: vec![
                ("new_apps_a_day", new.chance),
                ("accounts_with_app", f64::from(new.users)),
                ("peer_tail", new.peer_tail),
                ("rows", new.rows),
                ("baseline_days", new.days),
            ],
            evidence: new.evidence.clone(),
            ..Explanation::default()
        }
    }))
}

fn named(new: &model::NewApp) -> String {
    match &new.app_id {
        Some(id) if *id != new.app => format!("{} ({id})", new.app),
        _ => new.app.to_string(),
    }
}

fn read(new: &model::NewApp) -> String {
    if new.rows <= 0.0 {
        return String::new();
    }
    let requests = text::number_of(new.requests.max(1), "request");
    format!(", which read {} rows in {requests}", text::count(new.rows))
}

fn users(new: &model::NewApp) -> String {
    let others = match new.users {
        0 => "no other account uses it".to_owned(),
        1 => "one other account uses it".to_owned(),
        users => format!("{} other accounts use it", text::count(f64::from(users))),
    };
    if new.imitates { others + ", and the org knows another app of that name" } else { others }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{finding, verdict};
    use super::*;
    use crate::Verdict;
    use model::Feature;

    /// The app that imitated Data Loader in the consent phishing of 2025.
    fn clone() -> model::NewApp {
        model::NewApp {
            app: "My Ticket Portal".into(),
            app_id: Some("0H4hn0000004aBcCAE".into()),
            users: 0,
            accounts: 400,
            rolled_out: false,
            imitates: false,
            chance: 0.001,
            peer_tail: 0.06,
            days: 40.0,
            rows: 48_000.0,
            requests: 12,
            evidence: Vec::new(),
        }
    }

    #[test]
    fn an_app_that_nobody_has_is_anomalous() {
        let found = finding(&NewApp, Feature::App(clone()));
        assert!(found.surprise > 4.0 && found.score < 7.0);
        insta::assert_snapshot!(found.summary, @"Used the connected app My Ticket Portal (0H4hn0000004aBcCAE) for the first time, which read 48,000 rows in 12 requests; no other account uses it; a new app usually comes less than once a year");
        let idle = finding(&NewApp, Feature::App(model::NewApp { rows: 0.0, ..clone() }));
        assert!(idle.surprise < found.surprise);
    }

    #[test]
    fn an_app_that_imitates_another_is_named_so() {
        let loader = model::NewApp { app: "Data Loader".into(), imitates: true, users: 2, ..clone() };
        insta::assert_snapshot!(finding(&NewApp, Feature::App(loader)).summary, @"Used the connected app Data Loader (0H4hn0000004aBcCAE) for the first time, which read 48,000 rows in 12 requests; 2 other accounts use it, and the org knows another app of that name; a new app usually comes less than once a year");
    }

    #[test]
    fn apps_that_many_use_or_begin_to_use_are_normal() {
        let half = model::NewApp { users: 200, peer_tail: 0.9, ..clone() };
        assert_eq!(verdict(&NewApp, Feature::App(half)), Verdict::Normal);
        assert_eq!(verdict(&NewApp, Feature::App(model::NewApp { rolled_out: true, ..clone() })), Verdict::Normal);
        assert_eq!(verdict(&NewApp, Feature::App(model::NewApp { chance: 0.3, ..clone() })), Verdict::Normal);
        let young = model::NewApp { days: 0.0, ..clone() };
        let expect = Verdict::Unscoreable(Unscoreable::NoBaseline);
        assert_eq!(verdict(&NewApp, Feature::App(young)), expect);
    }

    #[test]
    fn the_more_accounts_use_it_the_less_surprising_it_is() {
        let surprise = |users: u32| {
            let new = model::NewApp { users, peer_tail: 0.05 + f64::from(users) / 400.0, ..clone() };
            let (observation, settings) = (super::super::testing::observation(Feature::Native), Settings::default());
            app(&new, &observation, &settings).ok().unwrap().surprise
        };
        let surprises = [0, 3, 20, 40, 100, 300].map(surprise);
        assert!(surprises.iter().rev().is_sorted() && surprises[0] > 4.0 && surprises[5] < 0.5, "{surprises:?}");
    }
}
