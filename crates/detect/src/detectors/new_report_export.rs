//! `new_report_export`: reports that the account never exported before.

use super::{detector, first};
use crate::judgement::{Explanation, Judgement};
use crate::{Settings, Unscoreable, score, text};
use model::{First, Observation, Surface};
use profile::tail;

detector! {
    /// Judges how many reports a day exports for the first time, and with how many rows a request.
    NewReportExport = "new_report_export", Novelty, ceiling 8.0,
    next "Open the exported reports, and ask for whom they are; an account that is about to leave is frozen first.",
    Export => export
}

fn export<'a>(export: &'a First, _: &'a Observation, settings: &'a Settings) -> Result<Judgement<'a>, Unscoreable> {
    if export.usual.evidence <= 0.0 {
        return Err(Unscoreable::NoBaseline);
    }
    let evidence = first::evidence(export, first::mix(settings));
    Ok(Judgement::new(tail::surprise(evidence.p), "", move || Explanation {
        confidence: score::confidence(export.usual.evidence),
        summary: format!(
            "Exported {} for the first time ({}){}; a first export usually comes {}{}",
            text::number_of(export.today, "report"),
            text::list(&export.names, export.today as usize),
            first::rows_clause(export),
            text::how_often(export.usual.mean()),
            text::thin(export.usual.evidence),
        ),
        features: first::features("newReportExports", export, &evidence),
        measures: first::measures(export),
        evidence: export.evidence.clone(),
        surface: Some(Surface::Report),
        ..Explanation::default()
    }))
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
    fn many_first_exports_are_anomalous() {
        let finding = finding(&NewReportExport, exports(6));
        assert!(finding.score > 4.0);
        insta::assert_snapshot!(finding.summary, @"Exported 6 reports for the first time (Pipeline, Forecast and 4 more); a first export usually comes once in 10 days");
    }

    #[test]
    fn one_new_report_is_normal() {
        assert_eq!(verdict(&NewReportExport, exports(1)), Verdict::Normal);
    }
}
