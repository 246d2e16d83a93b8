//! What people say of an account is kept until the account is active again, however long that takes.

use super::*;
use model::decision::Disposed;
use model::{Decision, Ruling, UserClass};

/// Says of the day that stands out what it was.
fn said(id: u128, disposition: Disposition) -> Decision {
    let disposed = Disposed {
        incident_id: Uuid::from_u128(7),
        disposition,
        teaches: true,
        credits: [].into(),
        user_class: UserClass::Normal,
        severity: model::Severity::High,
    };
    decision(id, Ruling::Disposition(disposed))
}

fn undone(id: u128, earlier: u128) -> Decision {
    decision(id, Ruling::Undone { decision_id: Uuid::from_u128(earlier) })
}

fn decision(id: u128, ruling: Ruling) -> Decision {
    Decision {
        decision_id: Uuid::from_u128(id),
        org_id: OrgId::new("00Dhn0000018hrcEAA"),
        user_id: Some(UserId::new(EVE)),
        ruling,
        from: at(SPIKE),
        until: Some(at(SPIKE + 1)),
        decided_by: "a".into(),
        claimed_by: None,
        reason: String::new(),
        decided_at: at(0).plus(id as i64),
        in_force: [].into(),
    }
}

/// How the day stands after decisions at the ends of days, if the account is idle between two days.
fn standing(decisions: &[(i64, Decision)], (idle, back): (i64, i64)) -> Vec<Standing> {
    let mut service = Service::new(settings(14));
    let mut decisions = decisions.iter();
    let mut next = decisions.next();
    for activity in activities(3, back + 2, &[SPIKE]) {
        let day = activity.event_time.since(at(0)) / DAY;
        // Few others work meanwhile.
        if (idle..back).contains(&day) && activity.user_id.as_str() != "ann" {
            continue;
        }
        while let Some((_, decision)) = next.filter(|(day, _)| activity.event_time >= at(*day + 1)) {
            assert!(service.org.decide(decision, None).is_empty());
            next = decisions.next();
            service.restart();
        }
        service.observe(&activity);
    }
    service.standing()
}

#[test]
fn a_malicious_day_of_an_idle_account_is_never_learned() {
    let malicious = || (SPIKE + 2, said(1, Disposition::Malicious));
    for back in [SPIKE + 50, SPIKE + 130] {
        assert_eq!(standing(&[malicious()], (SPIKE + 1, back)), [Standing::Never], "{back}");
    }
    let back = (SPIKE + 100, undone(2, 1));
    assert_eq!(standing(&[malicious(), back.clone()], (SPIKE + 1, SPIKE + 200)), [Standing::Released], "taken back");
    let again = (SPIKE + 110, undone(3, 2));
    assert_eq!(standing(&[malicious(), back, again], (SPIKE + 1, SPIKE + 220)), [Standing::Never], "undone in turn");
}

#[test]
fn a_release_is_taken_back_in_time_whenever_the_account_is_active_again() {
    let after = |days: i64, disposition, back| {
        let benign = (SPIKE + 2, said(1, Disposition::Benign));
        let reversal = (SPIKE + 2 + days, said(2, disposition));
        standing(&[benign, reversal], (SPIKE + 5, back))
    };
    for back in [SPIKE + 60, SPIKE + 150] {
        assert_eq!(after(27, Disposition::Malicious, back), [Standing::Never], "{back}");
        assert_eq!(after(40, Disposition::Malicious, back), [], "too late: it was learned for good");
    }
    // All that was said meanwhile counts, in its order.
    let benign = (SPIKE + 2, said(1, Disposition::Benign));
    let in_time = (SPIKE + 20, said(2, Disposition::Malicious));
    let later = (SPIKE + 50, said(3, Disposition::Malicious));
    assert_eq!(standing(&[benign, in_time, later], (SPIKE + 5, SPIKE + 90)), [Standing::Never]);
}
