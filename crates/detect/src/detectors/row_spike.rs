//! More rows in a day, or in an hour of it, than the account ever has.

use super::detector;
use crate::judgement::Judgement;
use crate::{Settings, Unscoreable, score, text};
use model::{Observation, Surface, Usual, Volume};
use profile::tail;

detector! {
    /// Rows of one source in a day against the account's own days, given its class and the org's day.
    RowSpike = "row_spike", Volume, ceiling 10.0,
    Volume => spike
}

fn spike(volume: &Volume, observation: &Observation, settings: &Settings) -> Result<Judgement, Unscoreable> {
    if volume.day.scale <= 0.0 {
        return Err(Unscoreable::NoBaseline);
    }
    let Tails { spike: p, day, hour, per_request } = tails(volume, settings);
    // The day's factor becomes known while the day runs: what it explains is taken back when it is looked at again.
    let bare = || {
        let without = |usual: Usual| Usual { shift: 0.0, ..usual };
        let unshifted = Volume { day: without(volume.day), hour: without(volume.hour), ..volume.clone() };
        tails(&unshifted, settings).spike
    };
    let raise_at = settings.raise_at("row_spike");
    let is_quiet = tail::surprise(p) < raise_at;
    let is_explained = is_quiet && observation.activity.is_none() && tail::surprise(bare()) >= raise_at;
    if is_quiet && !is_explained {
        return Ok(Judgement::quiet(tail::surprise(p)));
    }
    let z = volume.day.plain_z(volume.rows);
    let factor = if volume.day.shift > 0.05 {
        format!("; everybody's day ×{:.1}", volume.day.shift.exp())
    } else {
        String::new()
    };
    let (mean, deviation) = (volume.day.mean, volume.day.deviation);
    let usual = if deviation > 0.0 {
        format!("μ = {mean:.1} and σ = {deviation:.2} are usual (z = {z:.1}{factor})")
    } else {
        // Too few days, or days too equal, for a deviation: the tail is that of the population and of the floor.
        format!("{} are all that is known{factor}", text::count(mean))
    };
    let summary = format!(
        "{} rows through {} in a day where {usual}{}",
        text::count(volume.rows),
        text::through(volume.surface),
        text::thin(volume.day.evidence),
    );
    Ok(Judgement {
        surprise: tail::surprise(p),
        confidence: score::confidence(volume.day.evidence),
        subject: subject(volume.surface),
        summary,
        features: vec![
            ("rowCount", format!("{:.0}", volume.rows), tail::surprise(day)),
            ("hourlyRowCount", format!("{:.0}", volume.hour_rows), tail::surprise(hour)),
            ("rowsPerRequest", format!("{:.0}", rows_a_request(volume)), tail::surprise(per_request)),
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
        is_explained,
        ..Judgement::default()
    })
}

/// p-values: of the spike as a whole, of the day's rows, of the hour's, and of the rows a request.
struct Tails {
    spike: f64,
    day: f64,
    hour: f64,
    per_request: f64,
}

/// Fewer requests than this have no average worth judging.
const FEW: u32 = 8;
/// How many kinds of task an account has, each with its own rows a request.
const TASKS: f64 = 100.0;

fn tails(volume: &Volume, settings: &Settings) -> Tails {
    let known = |usual: &Usual, value: f64| if usual.scale > 0.0 { tail::at_least(usual, value) } else { 1.0 };
    let day = tail::at_least(&volume.day, volume.rows);
    let hour = known(&volume.hour, volume.hour_rows);
    let per_request = if volume.requests >= FEW {
        tail::any_of(known(&volume.per_request, rows_a_request(volume)), TASKS)
    } else {
        1.0
    };
    let own = tail::any_of(day.min(hour).min(per_request), 3.0);
    let own = match score::own_tail(&volume.peer, volume.rows) {
        Some(peers) => score::with_peers(own, peers, settings.peer_mix),
        None => own,
    };
    let recurs = score::recurrence(volume.recurrences, volume.day.evidence);
    let few = if volume.rows < settings.least_rows { 1.0 } else { 0.0 };
    Tails { spike: own.max(recurs).max(few), day, hour, per_request }
}

fn rows_a_request(volume: &Volume) -> f64 {
    volume.rows / f64::from(volume.requests.max(1))
}

fn subject(surface: Surface) -> &'static str {
    surface.as_str()
}

#[cfg(test)]
mod tests {
    use super::super::testing::{finding, observation, verdict};
    use super::*;
    use crate::Verdict;
    use model::Feature;
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
    fn the_articles_spike_is_certain() {
        let finding = finding(&RowSpike, Feature::Volume(emma(4_151.0, 0.0)));
        assert_eq!((finding.score, finding.severity), (10.0, model::Severity::Critical));
        insta::assert_snapshot!(finding.summary, @"4,151 rows through list views in a day where μ = 99.0 and σ = 36.44 are usual (z = 111.2)");
    }

    #[test]
    fn a_usual_day_is_normal() {
        assert_eq!(verdict(&RowSpike, Feature::Volume(emma(160.0, 0.0))), Verdict::Normal);
    }

    #[test]
    fn nothing_known_is_unscoreable() {
        let volume = Volume { day: Usual::default(), ..emma(160.0, 0.0) };
        assert_eq!(verdict(&RowSpike, Feature::Volume(volume)), Verdict::Unscoreable(Unscoreable::NoBaseline));
    }

    #[test]
    fn zero_variance_still_spikes() {
        let mut volume = emma(5_000.0, 0.0);
        (volume.day.deviation, volume.day.scale) = (0.0, 0.1);
        assert_eq!(finding(&RowSpike, Feature::Volume(volume)).score, 10.0);
    }

    #[test]
    fn everybodys_day_takes_it_back() {
        let mut closed = observation(Feature::Volume(emma(900.0, 2.0)));
        closed.activity = None;
        let verdicts = crate::Detector::judge(&RowSpike, &closed, &Settings::default());
        assert!(matches!(&verdicts[..], [Verdict::Anomalous(finding)] if finding.withdrawn && finding.score < 3.0));
    }

    #[test]
    fn a_batch_that_recurs_is_known() {
        let volume = Volume { recurrences: 1, ..emma(4_151.0, 0.0) };
        assert_eq!(verdict(&RowSpike, Feature::Volume(volume)), Verdict::Normal);
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
