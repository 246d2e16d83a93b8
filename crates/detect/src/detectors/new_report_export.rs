//! Reports exported that the account never exported before.

use super::{detector, first};
use crate::judgement::Judgement;
use crate::{Settings, Unscoreable, score, text};
use model::{First, Observation, Surface};
use profile::tail;

detector! {
    /// First-time exports: how many a day brings, and with how many rows.
    NewReportExport = "new_report_export", Novelty, ceiling 8.0,
    Export => export
}

fn export(export: &First, _: &Observation, settings: &Settings) -> Result<Judgement, Unscoreable> {
    if export.usual.evidence <= 0.0 {
        return Err(Unscoreable::NoBaseline);
    }
    let evidence = first::evidence(export, first::mix(settings));
    if tail::surprise(evidence.p) < settings.raise_at("new_report_export") {
        return Ok(Judgement::quiet(tail::surprise(evidence.p)));
    }
    let rows = export.rows.map(|rows| format!(", {} rows each", text::count(rows as f64))).unwrap_or_default();
    Ok(Judgement {
        surprise: tail::surprise(evidence.p),
        confidence: score::confidence(export.usual.evidence),
        summary: format!(
            "first export of {} ({}){rows}; a usual day brings {:.2}{}",
            text::number_of(export.today, "report"),
            text::list(&export.names, export.today as usize),
            export.usual.mean(),
            text::thin(export.usual.evidence),
        ),
        features: first::features("newReportExports", export, &evidence),
        measures: first::measures(export),
        evidence: export.evidence.clone(),
        surface: Some(Surface::Report),
        ..Judgement::default()
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{finding, usually, verdict};
    use super::*;
    use crate::Verdict;
    use model::Feature;

    fn exports(today: u32) -> Feature {
        let names = vec!["Pipeline".into(), "Forecast".into()];
        Feature::Export(First {
            today,
            names,
            usual: usually(0.1),
            peer_tail: 1e-4,
            known_share: 0.9,
            ..First::default()
        })
    }

    #[test]
    fn a_spree_is_told() {
        let finding = finding(&NewReportExport, exports(6));
        assert!(finding.score > 4.0);
        insta::assert_snapshot!(finding.summary, @"first export of 6 reports (Pipeline, Forecast and 4 more); a usual day brings 0.10");
    }

    #[test]
    fn one_new_report_is_no_news() {
        assert_eq!(verdict(&NewReportExport, exports(1)), Verdict::Normal);
    }
}
