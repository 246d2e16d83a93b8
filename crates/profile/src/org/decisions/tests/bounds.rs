//! What waits and what is kept is bounded.

use super::*;

#[test]
fn what_waits_and_what_is_kept_is_bounded() {
    let mut fed = Fed::new();
    fed.works(HOUR, "ann");
    fed.decides(&class(1, "ann", UserClass::Integration));
    for id in 2..=MOST_PENDING as u128 {
        fed.decides(&disposed(id, Disposition::Benign, &[("row_spike", 1.0)]));
    }
    let later = |id: u128| Decision { decided_at: start().plus(1), ..disposed(id, Disposition::Benign, &[]) };
    assert_eq!(fed.org.decide(&later(1 << 40), None), [Uuid::from_u128(1)], "what was recorded first makes room");
    let first = Decision { decided_at: start().plus(-1), ..later(2 << 40) };
    assert_eq!(fed.org.decide(&first, None), [first.decision_id], "itself");
    let again = Decision { decided_at: start().plus(2), ..class(1, "ann", UserClass::Integration) };
    assert_eq!(fed.org.decide(&again, None), [Uuid::from_u128(2)]);
    assert!(fed.org.decide(&first, Some(start())).is_empty(), "it names its hour");
    fed.works(3 * HOUR, "ann");
    assert_eq!((fed.effects().len(), fed.class("ann")), (MOST_PENDING + 1, DECIDED));
    assert_eq!(fed.org.shared.decisions.taken(), 4_096);
    (0..92).for_each(|day| fed.works(day * DAY + 4 * HOUR, "ann"));
    assert_eq!((fed.org.shared.decisions.taken(), fed.class("ann")), (1, DECIDED), "what holds for good stays");
}

#[test]
fn what_is_undone_is_forgotten_with_its_undoing() {
    let mut fed = Fed::new();
    fed.works(HOUR, "ann");
    let kept = [class(1, "ann", UserClass::Guest), undone(2, 1), undone(3, 9), disposed(4, Disposition::Benign, &[])];
    kept.iter().for_each(|decision| fed.decides(decision));
    fed.works(3 * HOUR, "ann");
    assert_eq!(fed.org.shared.decisions.taken(), 4);
    (0..92).for_each(|day| fed.works(day * DAY + 4 * HOUR, "ann"));
    assert!(fed.org.shared.decisions.is_empty());
}

#[test]
fn few_settings_are_kept() {
    let push = |id: u128, days: i64| {
        let ruling = Ruling::Settings { hash: format!("{id}").into(), toml: String::new() };
        Decision { from: start().plus(days * DAY), ..decision(id, None, ruling) }
    };
    let all: Vec<Decision> = (0..100).map(|id| push(id, id as i64 % 50)).collect();
    let kept = after(&all, 60);
    assert_eq!((kept.taken(), kept.settings_hash().unwrap().as_str()), (MOST_SETTINGS, "99"));
    let mut fed = Fed::new();
    (0..64).for_each(|id| fed.decides(&push(id, 0)));
    assert_eq!(fed.org.decide(&push(64, 0), None), [Uuid::from_u128(0)]);
    fed.decides(&class(65, "ann", UserClass::Guest));
}
