//! `page_crawl`: many more record pages in a day than the account usually opens, of all objects or of those that its class
//! hardly uses.

use super::{detector, extreme};
use crate::judgement::{Explanation, Judgement};
use crate::{Settings, Unscoreable, score, text};
use model::{Observation, Pages};
use profile::tail;

detector! {
    /// Judges the record pages of a day against those of the account's other days, given its class and the org's day.
    PageCrawl = "page_crawl", Volume, ceiling 9.0,
    next "Look at the pace and the order of the pages: a steady pace or ascending ids are a script's. End its session; for a guest, close what the site shows to guests.",
    Pages => crawl
}

fn crawl<'a>(
    pages: &'a Pages,
    observation: &'a Observation,
    settings: &'a Settings,
) -> Result<Judgement<'a>, Unscoreable> {
    if pages.days < extreme::LEAST_DAYS {
        return Err(Unscoreable::NoBaseline);
    }
    let Pages { deviations, peer_deviations, recurrences, days, .. } = *pages;
    let surprise = |deviations| tail::surprise(extreme::p(deviations, peer_deviations, recurrences, days, settings));
    let before = || surprise(pages.unshifted);
    let surprise = surprise(deviations);
    let judgement = Judgement::new(surprise, if pages.rare { "rare" } else { "" }, move || Explanation {
        confidence: score::confidence(days),
        summary: summary(pages),
        features: vec![(if pages.rare { "rareRecordPages" } else { "recordPages" }, pages.pages.to_string(), surprise)],
        measures: vec![
            ("pages", f64::from(pages.pages)),
            ("usual_pages", pages.usual),
            ("deviations", deviations),
            ("peer_deviations", peer_deviations),
            ("day_factor", pages.shift.exp()),
            ("baseline_days", days),
            ("peer_weight", pages.prior_weight),
        ],
        evidence: pages.evidence.clone(),
        objects: pages.objects.clone(),
        ..Explanation::default()
    });
    Ok(judgement.unless_explained(observation, pages.shift, before))
}

fn summary(pages: &Pages) -> String {
    let of = match pages.objects.as_slice() {
        [] => String::new(),
        names => format!(" of {}", text::list(names, names.len())),
    };
    let day = text::busy_day(pages.shift);
    let rare = if pages.rare { ", which accounts of its class hardly use" } else { "" };
    format!(
        "Opened {} record pages{of}{rare}{} in a day; a usual day has {}{}{day}",
        text::count(f64::from(pages.pages)),
        if pages.rare { "," } else { "" },
        text::quantity(pages.usual),
        text::thin(pages.days),
    )
}

#[cfg(test)]
mod tests {
    use super::super::testing::{finding, verdict};
    use super::*;
    use crate::Verdict;
    use model::Feature;

    fn day(pages: u32, deviations: f64) -> Pages {
        Pages {
            pages,
            deviations,
            peer_deviations: deviations,
            usual: 9.4,
            shift: 0.0,
            days: 40.0,
            prior_weight: 0.1,
            recurrences: 0,
            objects: vec!["Contact".into(), "Account".into()],
            evidence: vec![],
            unshifted: deviations,
            rare: false,
        }
    }

    #[test]
    fn a_busy_day_of_the_org_withdraws_a_finding() {
        let of_day = Pages { shift: 1.0, unshifted: 15.0, ..day(840, 0.5) };
        let mut closed = super::super::testing::observation(Feature::Pages(of_day));
        closed.activity = None;
        let verdicts = <dyn crate::Detector>::judge(&PageCrawl, &closed, &Settings::default());
        assert!(matches!(&verdicts[..], [Verdict::Anomalous(finding)] if finding.withdrawn));
    }

    #[test]
    fn a_crawl_is_anomalous() {
        let found = finding(&PageCrawl, Feature::Pages(day(840, 15.0)));
        insta::assert_snapshot!(found.summary, @"Opened 840 record pages of Contact and Account in a day; a usual day has 9.4");
        assert!(found.surprise > 4.0, "{}", found.surprise);
        let busy = Pages { shift: 0.4, ..day(840, 13.0) };
        insta::assert_snapshot!(finding(&PageCrawl, Feature::Pages(busy)).summary, @"Opened 840 record pages of Contact and Account in a day; a usual day has 9.4; the org's day was 1.5 times the usual");
    }

    #[test]
    fn pages_of_what_the_class_hardly_uses_are_anomalous() {
        let snooping = Pages { rare: true, usual: 0.0, objects: vec!["Background_Check__c".into()], ..day(50, 13.5) };
        insta::assert_snapshot!(finding(&PageCrawl, Feature::Pages(snooping)).summary, @"Opened 50 record pages of Background_Check__c, which accounts of its class hardly use, in a day; a usual day has 0");
    }

    #[test]
    fn a_busy_day_is_normal() {
        assert_eq!(verdict(&PageCrawl, Feature::Pages(day(34, 2.2))), Verdict::Normal);
        let monthly = Pages { recurrences: 1, ..day(300, 9.0) };
        assert_eq!(verdict(&PageCrawl, Feature::Pages(monthly)), Verdict::Normal);
    }

    #[test]
    fn an_account_without_history_is_unscoreable() {
        let new = Pages { days: 1.0, ..day(840, 15.0) };
        assert_eq!(verdict(&PageCrawl, Feature::Pages(new)), Verdict::Unscoreable(Unscoreable::NoBaseline));
    }
}
