//! Of decisions that contradict each other, the one that was recorded last holds.

use super::*;

/// Returns a decision that was recorded so many milliseconds after the start, and holds for such days.
fn recorded(decision: Decision, decided: i64, (from, until): (i64, i64)) -> Decision {
    let day = |days: i64| start().plus(days * DAY);
    Decision { decided_at: start().plus(decided), from: day(from), until: Some(day(until)), ..decision }
}

fn settings(id: u128) -> Decision {
    decision(id, None, Ruling::Settings { hash: format!("{id}").into(), toml: String::new() })
}

#[test]
fn the_class_that_was_recorded_last_holds() {
    let of = |id, by_hand, decided, days| recorded(class(id, "ann", by_hand), decided, days);
    let class_of = |decisions: &[Decision]| after(decisions, 9).class_of(&UserId::new("ann"));
    let (first, last) = (of(2, UserClass::Guest, 1, (3, 90)), of(1, UserClass::Power, 2, (1, 90)));
    assert_eq!(class_of(&[first.clone(), last.clone()]), Some(UserClass::Power), "whatever began last");
    assert_eq!(class_of(&[first.clone(), recorded(last.clone(), 2, (1, 5))]), Some(UserClass::Guest), "over");
    assert_eq!(class_of(&[first.clone(), recorded(last, 2, (10, 20))]), Some(UserClass::Guest), "not yet");
    assert_eq!(class_of(&[of(3, UserClass::Power, 1, (1, 90)), first]), Some(UserClass::Power), "by their ids");
}

#[test]
fn the_settings_that_were_recorded_last_hold() {
    let (first, last) = (recorded(settings(2), 1, (3, 90)), recorded(settings(1), 2, (1, 90)));
    assert_eq!(after(&[first, last], 9).settings_hash().unwrap().as_str(), "1");
    // Of more than are kept, those that hold or will are.
    let over = (100..200).map(|id| recorded(settings(id), 5, (-2, -1)));
    let all: Vec<Decision> = over.chain([recorded(settings(1), 1, (0, 90))]).collect();
    let kept = after(&all, 9);
    assert_eq!((kept.taken(), kept.settings_hash().unwrap().as_str()), (64, "1"));
}

/// Returns the factor of a detector that had all points of the incidents of these dispositions.
fn factor(decisions: &[Decision]) -> f64 {
    let mut all = Decisions::default();
    decisions.iter().for_each(|decision| all.keep(decision, None));
    all.close_hour((start(), 0), start().plus(9 * DAY));
    all.precisions(UserClass::Normal).first().map_or(1.0, |known| known.factor)
}

/// Says of the incident `incident` of `ann` that it was a false positive.
fn wrong(id: u128, incident: u128, decided: i64, days: (i64, i64)) -> Decision {
    let mut decision = recorded(disposed(id, Disposition::FalsePositive, &[("row_spike", 1.0)]), decided, days);
    if let Ruling::Disposition(disposed) = &mut decision.ruling {
        disposed.incident_id = Uuid::from_u128(incident);
    }
    decision
}

#[test]
fn an_incident_is_credited_once() {
    let (one, two) = (factor(&[wrong(1, 7, 1, (0, 1))]), factor(&[wrong(1, 7, 1, (0, 1)), wrong(2, 8, 1, (2, 3))]));
    assert!(two < one && one < 1.0, "{two} {one}");
    assert_eq!(factor(&[wrong(1, 7, 1, (0, 1)), wrong(2, 7, 2, (4, 5))]), one, "the same incident");
    assert_eq!(factor(&[wrong(1, 7, 1, (0, 3)), wrong(2, 8, 2, (2, 5))]), one, "it was merged, and has another id");
    let of_tom = Decision { user_id: Some(UserId::new("tom")), ..wrong(2, 8, 2, (2, 5)) };
    assert_eq!(factor(&[wrong(1, 7, 1, (0, 3)), of_tom]), two, "of another account");
    let right = |id, decided| {
        let mut right = wrong(id, 7, decided, (0, 1));
        if let Ruling::Disposition(disposed) = &mut right.ruling {
            disposed.disposition = Disposition::Malicious;
        }
        right
    };
    assert_eq!(factor(&[wrong(9, 7, 1, (0, 1)), right(1, 2)]), 1.061224, "the latest counts");
    assert_eq!(factor(&[wrong(9, 7, 2, (0, 1)), right(1, 2)]), one, "by their ids");
    let back = Decision { from: start(), ..undone(20, 1) };
    assert_eq!(factor(&[wrong(9, 7, 1, (0, 1)), right(1, 2), back]), one, "it was taken back");
    let endless = Decision { until: None, ..wrong(1, 7, 1, (0, 1)) };
    assert_eq!(factor(&[endless, wrong(2, 8, 2, (6, 7))]), one);
}

#[test]
fn what_is_credited_stays_when_an_account_is_erased() {
    let decisions = [wrong(1, 7, 1, (0, 3)), wrong(2, 8, 2, (2, 5)), wrong(3, 9, 1, (6, 7))];
    let mut all = after(&decisions, 9);
    let before = all.precisions(UserClass::Normal).to_vec();
    assert!(all.erase(&UserId::new("ann")));
    let read = Decisions::try_from(StoredDecisions::from(&all)).unwrap();
    assert_eq!(read.precisions(UserClass::Normal), before);
}

#[test]
fn a_decision_takes_effect_once_between_two_checkpoints() {
    let mut all = Decisions::default();
    let decision = class(1, "ann", UserClass::Guest);
    for day in [0, 1] {
        all.keep(&decision, None);
        let hour = start().plus(day * DAY);
        all.close_hour((hour, day as i32), hour.plus(HOUR));
    }
    assert_eq!(all.take_effects(), [(decision.decision_id, start())]);
}
