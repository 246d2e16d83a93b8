//! Statistics of the org resemble those of real ones.

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::{Datelike, NaiveDate};

use super::{days, plan};
use crate::Day;
use crate::event::{Body, Event};

fn people(days: &[Day]) -> impl Iterator<Item = (NaiveDate, &Event)> {
    let events = days.iter().flat_map(|day| day.events.iter().map(|event| (day.date, event)));
    events.filter(|(_, event)| !event.username().starts_with("integration") && event.identity.user_type == "Standard")
}

#[test]
fn people_rest_on_weekends_and_integrations_do_not() {
    let days = days(plan(60, 28));
    let weekend = |date: &NaiveDate| date.weekday().num_days_from_monday() >= 5;
    let all = people(&days).count() as f64;
    let resting = people(&days).filter(|(date, _)| weekend(date)).count() as f64;
    assert!((0.003..0.08).contains(&(resting / all)), "{}", resting / all);
    let machines: HashSet<NaiveDate> = days
        .iter()
        .filter(|day| day.events.iter().any(|event| event.username().starts_with("integration")))
        .map(|day| day.date)
        .collect();
    assert_eq!(machines.len(), 28);
}

#[test]
fn volumes_have_heavy_tails() {
    let days = days(plan(60, 28));
    let mut counts: HashMap<&str, HashMap<NaiveDate, f64>> = HashMap::new();
    for (date, event) in people(&days) {
        *counts.entry(event.user_id()).or_default().entry(date).or_default() += 1.0;
    }
    let quantile = |mut values: Vec<f64>, share: f64| {
        values.sort_by(f64::total_cmp);
        values[(values.len() as f64 * share) as usize]
    };
    let all: Vec<f64> = counts.values().flat_map(|days| days.values().copied()).collect();
    let (median, late) = (quantile(all.clone(), 0.5), quantile(all, 0.99));
    assert!(median > 15.0 && late > 5.0 * median, "median {median}, 99 % {late}");
    let medians: Vec<f64> = counts.values().map(|days| quantile(days.values().copied().collect(), 0.5)).collect();
    assert!(quantile(medians.clone(), 0.9) > 2.5 * quantile(medians, 0.1));
}

#[test]
fn chunks_repeat_the_total_and_count_from_one() {
    let days = days(plan(60, 14));
    let mut runs: BTreeMap<u128, Vec<(u32, Option<f64>)>> = BTreeMap::new();
    for event in days.iter().flat_map(|day| &day.events) {
        if let Body::ListView { execution, sequence, rows, .. } | Body::Report { execution, sequence, rows, .. } =
            event.body
        {
            runs.entry(execution).or_default().push((sequence, rows));
        }
    }
    let mut chunked = 0;
    for mut run in runs.into_values() {
        run.sort_by_key(|(sequence, _)| *sequence);
        run.dedup();
        let sequences: Vec<u32> = run.iter().map(|(sequence, _)| *sequence).collect();
        assert_eq!(sequences, (1..=run.len() as u32).collect::<Vec<_>>());
        assert!(run.iter().all(|(_, rows)| *rows == run[0].1), "{run:?}");
        chunked += usize::from(run.len() > 1);
    }
    assert!(chunked > 100, "{chunked}");
}

#[test]
fn delivery_adds_odd_values_duplicates_and_disorder() {
    let days = days(plan(60, 28));
    let events: Vec<&Event> = days.iter().flat_map(|day| &day.events).collect();
    let distinct: HashSet<u128> = events.iter().map(|event| event.id).collect();
    let share = |count: usize| count as f64 / events.len() as f64;
    let duplicates = share(events.len() - distinct.len());
    assert!((0.0002..0.001).contains(&duplicates), "{duplicates}");
    let internal = share(events.iter().filter(|event| event.internal).count());
    assert!((0.001..0.004).contains(&internal), "{internal}");
    let odd = |wanted: Option<f64>| {
        let rows = events.iter().filter(|event| matches!(event.body, Body::ListView { rows, .. } if rows == wanted));
        rows.count()
    };
    assert!(odd(None) > 0 && odd(Some(0.0)) > 0 && odd(Some(-1.0)) > 0);
    assert!(events.iter().any(|event| matches!(event.body, Body::ListView { lower_scope: true, .. })));
    assert!(events.windows(2).any(|pair| pair[1].at < pair[0].at));
}

#[test]
fn pages_load_several_usual_views_at_once() {
    let days = days(plan(20, 7));
    let mut bursts = 0;
    let mut previous: HashMap<&str, (i64, u32)> = HashMap::new();
    for (_, event) in people(&days).filter(|(_, event)| matches!(event.body, Body::ListView { .. })) {
        let (at, length) = previous.get(event.user_id()).copied().unwrap_or_default();
        let length = if (0..=6).contains(&(event.at - at)) { length + 1 } else { 1 };
        bursts += u32::from(length == 3);
        previous.insert(event.user_id(), (event.at, length));
    }
    assert!(bursts > 100, "{bursts}");
}
