//! What an account's days consist of: how much it consumes, and whether it administers. The class follows from it.

use super::Day;
use model::{Activity, Kind, Outcome, Surface};
use serde::{Deserialize, Serialize};

/// Quantities by which a power user consumes more than others: rows of list views, of reports and over the APIs,
/// requests, and exports of reports.
pub(crate) const QUANTITIES: usize = 5;

/// What was learned of an account's work.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Work {
    /// Means over active days of ln(1 + x), by quantity.
    pub(crate) consumed: [f32; QUANTITIES],
    /// The means as they count in [`OrgWork`](crate::org::work::OrgWork); `None` if the account does not count there.
    pub(crate) counted: Option<[f32; QUANTITIES]>,
    /// Active days, decayed by active day.
    pub(crate) days: f32,
    /// Days with changes of permissions or in Setup, decayed as `days`.
    pub(crate) change_days: f32,
    /// Days with a look at objects of administration, decayed as `days`.
    pub(crate) look_days: f32,
    /// Whether the license is one of programs.
    pub(crate) is_automated: bool,
    /// The class of the last closed day, with its reason.
    pub(crate) belief: Belief,
}

/// What a day adds to [`Work`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct WorkDay {
    pub(crate) requests: u32,
    pub(crate) exports: u32,
    changes: bool,
    looks: bool,
    /// What was learned when the day was closed before.
    learned: Option<Learned>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Learned {
    consumed: [f32; QUANTITIES],
    changes: bool,
    looks: bool,
}

/// How sure a class is, and what decided it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Belief {
    /// Probability of the class, 0 to 1; 0 before the account is classified.
    pub probability: f32,
    /// What weighed most.
    pub basis: Basis,
}

/// What decided the class of an account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Basis {
    /// Too few days are known.
    #[default]
    FewDays,
    /// The license of the account.
    License,
    /// The username, of an account that never logs in.
    Name,
    /// Requests through the APIs, at hours that no person keeps.
    Machine,
    /// A right to administer.
    Rights,
    /// Days with changes of permissions or in Setup.
    Changes,
    /// Days with work as another user, by LoginAs.
    Delegation,
    /// Days with a look at objects of administration.
    Looks,
    /// How much the account consumes.
    Consumption,
    /// A person's decision.
    Decided,
}

impl Belief {
    /// That of a class by hand.
    pub(crate) const DECIDED: Self = Self { probability: 1.0, basis: Basis::Decided };
}

impl Basis {
    /// Returns the reason in words.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::FewDays => "too few days",
            Self::License => "license",
            Self::Name => "username without logins",
            Self::Machine => "requests of a program",
            Self::Rights => "a right to administer",
            Self::Changes => "changes of permissions or in Setup",
            Self::Delegation => "work as other users",
            Self::Looks => "reads of administrative objects",
            Self::Consumption => "consumption",
            Self::Decided => "decided",
        }
    }
}

impl Work {
    /// Factor on counts of days from one active day to the next: a half-life of 34 active days. A choice.
    const KEEP: f32 = 0.98;

    /// Returns the requests of a typical day; `None` before one was learned.
    pub(crate) fn usual_requests(&self) -> Option<f64> {
        let [_, _, _, requests, _] = self.consumed;
        (self.days > 0.0).then(|| f64::from(requests).exp_m1().max(0.0))
    }

    /// Learns a closed day. A day that is closed once more replaces what was learned of it.
    pub(crate) fn learn(&mut self, day: &mut Day, memory_days: f64) {
        let rows =
            |surface: Surface| day.surfaces.get(surface as usize).and_then(Option::as_deref).map_or(0.0, |s| s.rows);
        let today = &mut day.signals.work;
        let consumed = [
            rows(Surface::ListView),
            rows(Surface::Report),
            rows(Surface::Api) + rows(Surface::Bulk),
            f64::from(today.requests),
            f64::from(today.exports),
        ]
        .map(|x| x.max(0.0).ln_1p() as f32);
        let before = today.learned.replace(Learned { consumed, changes: today.changes, looks: today.looks });
        if before.is_none() {
            self.days = self.days * Self::KEEP + 1.0;
            self.change_days *= Self::KEEP;
            self.look_days *= Self::KEEP;
        }
        let share = 1.0 / self.days.clamp(1.0, (memory_days as f32).max(1.0));
        let was = before.map_or(self.consumed, |learned| learned.consumed);
        for ((mean, value), was) in self.consumed.iter_mut().zip(consumed).zip(was) {
            *mean += share * (value - was);
        }
        let added = |now: bool, was: bool| f32::from(u8::from(now && !was));
        self.change_days += added(today.changes, before.is_some_and(|learned| learned.changes));
        self.look_days += added(today.looks, before.is_some_and(|learned| learned.looks));
    }
}

impl WorkDay {
    /// Counts an activity, and its `requests`. `for_another` says that it was made in a session opened by LoginAs, so that it shows nothing of the
    /// account itself.
    pub(crate) fn note(&mut self, activity: &Activity, requests: u32, for_another: impl Fn() -> bool) {
        self.requests += requests;
        self.exports += u32::from(activity.is_report_export());
        match activity.kind {
            Kind::PermissionSet | Kind::SetupChange => {
                let is_own = activity.outcome != Outcome::Failure
                    && activity.delegate.is_none()
                    && !is_of_own_password(activity)
                    && !for_another();
                self.changes |= is_own;
            }
            _ => {
                let administrative = || activity.objects.iter().any(|object| is_administrative(object));
                if !self.looks && activity.outcome != Outcome::Failure && administrative() && !for_another() {
                    self.looks = true;
                }
            }
        }
    }
}

/// Whether a change in Setup is one that users make of their own account.
fn is_of_own_password(activity: &Activity) -> bool {
    activity.operation.as_ref().is_some_and(|operation| operation.to_ascii_lowercase().contains("password"))
}

/// Whether only administration is about this object (Object Reference for the Salesforce Platform). Users and groups are
/// left out: everybody may look at colleagues.
fn is_administrative(object: &str) -> bool {
    matches!(
        object,
        "PermissionSet"
            | "PermissionSetAssignment"
            | "PermissionSetGroup"
            | "PermissionSetLicense"
            | "Profile"
            | "ObjectPermissions"
            | "FieldPermissions"
            | "SetupEntityAccess"
            | "SetupAuditTrail"
            | "LoginHistory"
            | "AuthSession"
            | "ConnectedApplication"
            | "GroupMember"
            | "UserLicense"
    )
}
