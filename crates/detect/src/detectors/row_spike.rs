//! `row_spike`: more rows in a day, in an hour of it, or a request, than the account usually reads.

use super::detector;
use crate::judgement::{Explanation, Judgement};
use crate::{Settings, Unscoreable, score, text};
use model::{Observation, Usual, Volume};
use profile::tail;

detector! {
    /// Judges the rows of one surface in a day against the account's own days, given its class and the org's day.
    RowSpike = "row_spike", Volume, ceiling 10.0,
    next "Ask the user and their manager whether the job needs this many rows; if nobody can say why, freeze the account and keep the events.",
    Volume => spike
}

fn spike<'a>(
    volume: &'a Volume,
    observation: &'a Observation,
    settings: &'a Settings,
) -> Result<Judgement<'a>, Unscoreable> {
    if volume.day.scale <= 0.0 {
        return Err(Unscoreable::NoBaseline);
    }
    let found = tails(volume, settings);
    let before = || {
        let without = |usual: Usual| Usual { shift: 0.0, ..usual };
        let unshifted = Volume { day: without(volume.day), hour: without(volume.hour), ..volume.clone() };
        tail::surprise(tails(&unshifted, settings).spike)
    };
    let surprise = tail::surprise(found.spike);
    let subject = volume.surface.as_str();
    let judgement = Judgement::new(surprise, subject, move || {
        let is_raised =
            |surprise| observation.calibrated("row_spike", subject, surprise) >= settings.raise_at("row_spike");
        let of_day = tail::surprise(tail::any_of(found.day, WAYS));
        explain(volume, &found, !is_raised(surprise) || is_raised(of_day))
    });
    Ok(judgement.unless_explained(observation, volume.day.shift, before))
}

/// Words the reasons. If the rows of the day do not stand out, what else does is named.
fn explain(volume: &Volume, found: &Tails, is_due_to_the_day: bool) -> Explanation {
    let z = volume.day.plain_z(volume.rows);
    let factor = text::busy_day(volume.day.shift);
    let cause = if is_due_to_the_day { String::new() } else { other_cause(volume, found.hour, found.per_request) };
    let summary = format!(
        "Read {} rows through {}{}{factor}{cause}",
        text::count(volume.rows),
        text::through(volume.surface),
        history(&volume.day, z),
    );
    Explanation {
        confidence: score::confidence(volume.day.evidence),
        summary,
        features: vec![
            ("rowCount", format!("{:.0}", volume.rows), tail::surprise(found.day)),
            ("hourlyRowCount", format!("{:.0}", volume.hour_rows), tail::surprise(found.hour)),
            ("rowsPerRequest", format!("{:.0}", rows_a_request(volume)), tail::surprise(found.per_request)),
        ],
        measures: vec![
            ("rows", volume.rows),
            ("mean", volume.day.mean),
            ("standard_deviation", volume.day.deviation),
            ("z", z),
            ("log_t", volume.day.standardized(volume.rows)),
            ("day_factor", volume.day.shift.exp()),
            ("baseline_days", volume.day.evidence),
            ("peer_weight", volume.day.prior_weight),
            ("requests", f64::from(volume.requests)),
        ],
        evidence: volume.evidence.clone(),
        objects: volume.objects.clone(),
        surface: Some(volume.surface),
        ..Explanation::default()
    }
}

/// Words what a usual day has, as far as it is known.
fn history(day: &Usual, z: f64) -> String {
    let mean = text::quantity(day.mean);
    if day.evidence <= 0.0 {
        "; no history of its own, so its peers are the measure".to_owned()
    } else if day.deviation > 0.0 {
        let (deviation, z) = (text::quantity(day.deviation), text::quantity(z));
        format!("; a usual day is {mean} ± {deviation} (z {z}){}", text::thin(day.evidence))
    } else if day.evidence < 1.5 {
        format!(" after only {} of history ({mean} rows)", text::days(day.evidence.max(1.0)))
    } else {
        format!("; each of its {} of history has {mean} rows", text::days(day.evidence))
    }
}

/// Words what stands out although the day as a whole does not: its largest hour, or the rows a request.
fn other_cause(volume: &Volume, hour: f64, per_request: f64) -> String {
    if per_request < hour {
        format!("; {} rows a request stand out", text::quantity(rows_a_request(volume)))
    } else if hour < 1.0 {
        format!("; {} rows within one hour stand out", text::count(volume.hour_rows))
    } else {
        String::new()
    }
}

/// One-sided p-values of a day's rows.
struct Tails {
    /// Of the spike as a whole.
    spike: f64,
    /// Of the day's rows.
    day: f64,
    /// Of the rows of the day's largest hour.
    hour: f64,
    /// Of the rows a request, averaged over the day.
    per_request: f64,
}

/// Ways in which a day can stand out: its rows, its largest hour, its rows a request. The p-value is corrected for
/// looking at all three ([`tail::any_of`]).
const WAYS: f64 = 3.0;
/// Requests below which the rows a request are not judged: the average of few varies too much. Set on simulated orgs
/// together with [`TASKS`].
const FEW: u32 = 8;
/// Correction of the p-value of the rows a request for the kinds of task that an account may turn to, each with its own
/// rows a request. Set on simulated orgs: without it a day of an unusual task raises a finding.
const TASKS: f64 = 100.0;

/// Works out the p-values.
///
/// The spike is the least of the three, corrected, mixed with the p-value among the days of peers
/// ([`score::with_peers`]), and never below the chance that the day recurs ([`score::recurrence`]).
fn tails(volume: &Volume, settings: &Settings) -> Tails {
    let known = |usual: &Usual, value: f64| if usual.scale > 0.0 { tail::at_least(usual, value) } else { 1.0 };
    let day = tail::at_least(&volume.day, volume.rows);
    let hour = known(&volume.hour, volume.hour_rows);
    let per_request = if volume.requests >= FEW {
        tail::any_of(known(&volume.per_request, rows_a_request(volume)), TASKS)
    } else {
        1.0
    };
    let own = tail::any_of(day.min(hour).min(per_request), WAYS);
    let own = match score::own_tail(&volume.peer, volume.rows) {
        Some(peers) => score::with_peers(own, peers, settings.peer_mix),
        None => own,
    };
    let recurs = score::recurrence(volume.recurrences, volume.day.evidence);
    let few = if volume.rows < settings.least_rows { 1.0 } else { 0.0 };
    Tails { spike: own.max(recurs).max(few), day, hour, per_request }
}

/// Returns the rows a request, averaged over the day so far.
fn rows_a_request(volume: &Volume) -> f64 {
    volume.rows / f64::from(volume.requests.max(1))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{finding, observation, verdict};
    use super::*;
    use crate::Verdict;
    use model::{Feature, Surface};
    use proptest::prelude::*;

    fn emma(rows: f64, shift: f64) -> Volume {
        let day = Usual {
            location: 4.53,
            scale: 0.46,
            degrees: 35.0,
            shift,
            mean: 99.0,
            deviation: 36.437_949,
            evidence: 30.0,
            prior_weight: 0.0,
        };
        Volume {
            surface: Surface::ListView,
            rows,
            hour_rows: rows,
            requests: 29,
            day,
            hour: Usual { location: 4.0, ..day },
            per_request: Usual::default(),
            peer: Usual::default(),
            objects: vec!["Contact".into()],
            evidence: vec![],
            closed: false,
            recurrences: 0,
        }
    }

    #[test]
    fn the_spike_of_the_founding_article_has_the_full_score() {
        let finding = finding(&RowSpike, Feature::Volume(emma(4_151.0, 0.0)));
        assert_eq!((finding.score, finding.severity), (10.0, model::Severity::Critical));
        insta::assert_snapshot!(finding.summary, @"Read 4,151 rows through list views; a usual day is 99 ± 36 (z 111)");
    }

    #[test]
    fn a_usual_day_is_normal() {
        assert_eq!(verdict(&RowSpike, Feature::Volume(emma(160.0, 0.0))), Verdict::Normal);
    }

    #[test]
    fn without_a_baseline_it_is_unscoreable() {
        let volume = Volume { day: Usual::default(), ..emma(160.0, 0.0) };
        assert_eq!(verdict(&RowSpike, Feature::Volume(volume)), Verdict::Unscoreable(Unscoreable::NoBaseline));
    }

    #[test]
    fn a_constant_baseline_still_spikes() {
        let mut volume = emma(5_000.0, 0.0);
        (volume.day.deviation, volume.day.scale) = (0.0, 0.1);
        assert_eq!(finding(&RowSpike, Feature::Volume(volume)).score, 10.0);
    }

    #[test]
    fn a_busy_day_of_the_org_withdraws_a_finding() {
        let mut closed = observation(Feature::Volume(emma(900.0, 2.0)));
        closed.activity = None;
        let verdicts = <dyn crate::Detector>::judge(&RowSpike, &closed, &Settings::default());
        assert!(matches!(&verdicts[..], [Verdict::Anomalous(finding)] if finding.withdrawn && finding.score < 3.0));
    }

    #[test]
    fn a_recurring_batch_is_normal() {
        let volume = Volume { recurrences: 1, ..emma(4_151.0, 0.0) };
        assert_eq!(verdict(&RowSpike, Feature::Volume(volume)), Verdict::Normal);
    }

    #[test]
    fn the_summary_says_what_is_known_of_the_history() {
        let check = |evidence, deviation, rows: f64, shift, expect: &str| {
            let mut volume = emma(rows, shift);
            (volume.day.evidence, volume.day.deviation) = (evidence, deviation);
            assert_eq!(finding(&RowSpike, Feature::Volume(volume)).summary, format!("Read {expect}"));
        };
        check(1.0, 0.0, 4_151.0, 0.0, "4,151 rows through list views after only 1 day of history (99 rows)");
        check(20.0, 0.0, 4_151.0, 0.0, "4,151 rows through list views; each of its 20 days of history has 99 rows");
        check(
            0.0,
            0.0,
            4_151.0,
            0.0,
            "4,151 rows through list views; no history of its own, so its peers are the measure",
        );
        let thin = "; a usual day is 99 ± 36 (z 111); only 9 days of history, so its peers count too";
        check(9.0, 36.437_949, 4_151.0, 0.0, &format!("4,151 rows through list views{thin}"));
        let factor = "; a usual day is 99 ± 36 (z 111); the org's day was 1.5 times the usual";
        check(30.0, 36.437_949, 4_151.0, 0.4, &format!("4,151 rows through list views{factor}"));
    }

    #[test]
    fn the_summary_names_what_stands_out_if_the_day_does_not() {
        let volume = |change: fn(&mut Volume)| {
            let mut volume = Volume { hour_rows: 40.0, ..emma(200.0, 0.0) };
            change(&mut volume);
            finding(&RowSpike, Feature::Volume(volume)).summary
        };
        let hour = volume(|volume| (volume.hour.location, volume.hour_rows) = (2.0, 190.0));
        insta::assert_snapshot!(hour, @"Read 200 rows through list views; a usual day is 99 ± 36 (z 2.8); 190 rows within one hour stand out");
        let request =
            volume(|volume| volume.per_request = Usual { location: 0.1, scale: 0.1, degrees: 60.0, ..volume.day });
        insta::assert_snapshot!(request, @"Read 200 rows through list views; a usual day is 99 ± 36 (z 2.8); 6.9 rows a request stand out");
    }

    proptest! {
        #[test]
        fn shares_add_up_and_scores_stay_in_range(rows in 0.0..1e9, location in 0.0..12.0, scale in 0.01..3.0) {
            let mut volume = emma(rows, 0.0);
            (volume.day.location, volume.day.scale) = (location, scale);
            if let Verdict::Anomalous(finding) = verdict(&RowSpike, Feature::Volume(volume)) {
                prop_assert!((0.0..=10.0).contains(&finding.score) && (0.0..=1.0).contains(&finding.anomaly_score));
                prop_assert_eq!(finding.features.iter().map(|f| f.share).sum::<u32>(), 10_000);
            }
        }
    }
}
