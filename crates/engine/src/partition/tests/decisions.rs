//! Decisions among the entries of the stream.

use super::*;
use model::decision::Disposed;
use model::{Disposition, UserClass};

/// Settings that people decide on: one learns and measures otherwise, the other only judges otherwise.
pub(super) fn decided() -> BTreeMap<Text, Settings> {
    let mut tokyo = whole();
    tokyo.profile.time_zone = "Asia/Tokyo".to_owned();
    tokyo.profile.memory_days = 20;
    tokyo.detect.least_rows = 300.0;
    let mut strict = whole();
    strict.detect.raise_at = 1.5;
    [tokyo, strict].map(|settings| (settings.hash(), settings)).into()
}

/// Returns a class by hand, a disposition, settings, or the undoing of an earlier decision.
pub(super) fn decision(n: u32, org: &str, user: u32, dice: u32) -> Decision {
    let detectors = [("row_spike".into(), 0.25), ("off_hours".into(), 0.75)];
    let ruling = match dice / 13 % 5 {
        4 => {
            let (hash, settings) = decided().into_iter().nth(dice as usize % 2).unwrap();
            Ruling::Settings { hash, toml: settings.stored().unwrap() }
        }
        0 => Ruling::Class { class: UserClass::ALL[dice as usize % 5] },
        1 => Ruling::Undone { decision_id: Uuid::from_u128((n - n % 40).into()) },
        _ => Ruling::Disposition(Disposed {
            incident_id: Uuid::from_u128(n.into()),
            disposition: Disposition::ALL[dice as usize % 4],
            teaches: true,
            credits: detectors.into(),
            user_class: UserClass::ALL[dice as usize % 3],
            severity: model::Severity::Critical,
        }),
    };
    let from = Timestamp::parse("2026-03-02").unwrap().plus(i64::from(dice % 9) * DAY);
    Decision {
        decision_id: Uuid::from_u128(n.into()),
        org_id: OrgId::new(org),
        user_id: Some(UserId::new(&format!("user{user}"))),
        ruling,
        from,
        until: dice.is_multiple_of(3).then(|| from.plus(2 * DAY)),
        decided_by: "analyst".into(),
        claimed_by: None,
        reason: "known".to_owned(),
        decided_at: from,
        in_force: BTreeMap::new(),
    }
}
