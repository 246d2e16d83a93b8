//! What was learned of an account.

mod words;

use super::time;
use model::time::DAY;
use model::{OrgId, Timestamp, UserId};
use profile::{KnownOfKind, Learned, NamedValue, Standing, StoredAccount, UsualRows, WorkedHours};
use serde::Serialize;
use utoipa::ToSchema;

/// What was learned of an account.
#[derive(Serialize, ToSchema)]
#[schema(as = AccountProfile)]
pub(crate) struct ProfileBody {
    /// Salesforce id of the org.
    pub(crate) org_id: String,
    /// Salesforce id of the account.
    pub(crate) user_id: String,
    /// What was learned, in a sentence or two.
    pub(crate) summary: String,
    /// Event time up to which the hours of the org were closed when it was stored; null while nothing is stored.
    #[schema(format = DateTime)]
    pub(crate) as_of: Option<String>,
    /// What was learned; null while nothing is stored.
    pub(crate) learned: Option<LearnedBody>,
    /// Days that are held back, released days that a decision can still take back, and days that are never learned.
    pub(crate) held_days: Vec<HeldDay>,
}

/// What was learned of an account, in figures. Hours and dates are those of the org's time zone.
#[derive(Serialize, ToSchema)]
#[schema(as = Learned)]
pub(crate) struct LearnedBody {
    /// normal, power, admin, integration or guest.
    pub(crate) user_class: String,
    /// Probability of the class; null before the account is classified.
    #[schema(minimum = 0, maximum = 1)]
    pub(crate) class_probability: Option<f64>,
    /// What weighed most for the class, in words.
    pub(crate) class_basis: String,
    /// Active days behind the baseline.
    #[schema(minimum = 0)]
    pub(crate) active_days: f64,
    /// The last day that was learned.
    #[schema(format = Date)]
    pub(crate) last_day: Option<String>,
    /// Requests of a typical active day.
    #[schema(minimum = 0)]
    pub(crate) requests: Option<f64>,
    /// When it works.
    pub(crate) rhythm: Rhythm,
    /// Rows of a usual day, by surface.
    pub(crate) rows: Vec<Rows>,
    /// What it uses, one for each kind.
    pub(crate) uses: Vec<Uses>,
}

/// When an account works.
#[derive(Serialize, ToSchema)]
pub(crate) struct Rhythm {
    /// On working days.
    pub(crate) working_days: Hours,
    /// On weekends and holidays.
    pub(crate) weekends: Hours,
    /// The hour around which it works; null before anything is learned.
    #[schema(minimum = 0, maximum = 23)]
    pub(crate) center: Option<u8>,
}

/// The hours of one kind of days.
#[derive(Serialize, ToSchema)]
pub(crate) struct Hours {
    /// Days learned, those without activity included; the oldest fade.
    #[schema(minimum = 0)]
    pub(crate) days: f64,
    /// Share of these days on which it worked in each of the 24 hours, from midnight on.
    #[schema(min_items = 24, max_items = 24)]
    pub(crate) shares: Vec<f64>,
}

/// Rows that are usual on a day on which the account uses a surface.
#[derive(Serialize, ToSchema)]
pub(crate) struct Rows {
    /// The surface.
    pub(crate) surface: String,
    /// Days of the account's own behind it.
    #[schema(minimum = 0)]
    pub(crate) days: f64,
    /// Rows of a usual day.
    #[schema(minimum = 0)]
    pub(crate) expected: u64,
    /// The lower end of what is usual.
    #[schema(minimum = 0)]
    pub(crate) low: u64,
    /// The upper end of what is usual: about one day in 40 has more by chance.
    #[schema(minimum = 0)]
    pub(crate) high: u64,
}

/// What an account uses of one kind.
#[derive(Serialize, ToSchema)]
pub(crate) struct Uses {
    /// object, list_view, report, report_export, network, client, country or app.
    pub(crate) kind: String,
    /// How many are known, those without a stored name included.
    #[schema(minimum = 0)]
    pub(crate) count: usize,
    /// How many were dropped for lack of room.
    #[schema(minimum = 0)]
    pub(crate) dropped: u32,
    /// Those with a stored name, the most used first, at most 50.
    pub(crate) values: Vec<Used>,
}

/// Something that an account uses.
#[derive(Serialize, ToSchema)]
pub(crate) struct Used {
    /// Its name; a report or app without one has its id.
    pub(crate) name: String,
    /// The object of a list view, where its name is stored.
    pub(crate) object: Option<String>,
    /// Days on which it was used; each halves in 90 days.
    #[schema(minimum = 0)]
    pub(crate) days: f64,
    /// The last of them.
    #[schema(format = Date)]
    pub(crate) last_day: String,
}

/// A day that is held back or was.
#[derive(Serialize, ToSchema)]
pub(crate) struct HeldDay {
    /// Its date in the calendar of the org.
    #[schema(format = Date)]
    pub(crate) date: String,
    /// held; released: it is learned, and the release can be taken back; never_learned.
    pub(crate) standing: String,
    /// What a person said of it: malicious, suspicious, benign or false_positive.
    pub(crate) said: Option<String>,
}

impl ProfileBody {
    /// Makes it of what the partitions of the org have stored. If partitions were changed there are several: what was learned
    /// is that of the partition that is furthest.
    pub(crate) fn of(
        (org, user): (&OrgId, &UserId),
        accounts: &[&StoredAccount],
        latest: Option<(&StoredAccount, &Learned)>,
    ) -> Self {
        let held_days: Vec<HeldDay> = accounts.iter().copied().flat_map(held).collect();
        let held = held_days.iter().filter(|day| day.standing == HELD).count();
        Self {
            org_id: org.to_string(),
            user_id: user.to_string(),
            summary: words::summary(latest.map(|(_, learned)| learned), held),
            as_of: latest.and_then(|(account, _)| account.clock()).map(time),
            learned: latest.map(|(_, learned)| LearnedBody::of(learned)),
            held_days,
        }
    }
}

const HELD: &str = "held";

fn held(account: &StoredAccount) -> Vec<HeldDay> {
    let day = |held: profile::HeldDay| HeldDay {
        date: date(account.date(held.day)),
        standing: match held.standing {
            Standing::Held => HELD,
            Standing::Released => "released",
            Standing::Never => "never_learned",
        }
        .to_owned(),
        said: held.said.map(|said| said.as_str().to_owned()),
    };
    account.held().into_iter().map(day).collect()
}

impl LearnedBody {
    fn of(learned: &Learned) -> Self {
        let probability = f64::from(learned.belief.probability);
        Self {
            user_class: learned.class.as_str().to_owned(),
            class_probability: (probability > 0.0).then(|| short(probability)),
            class_basis: learned.belief.basis.as_str().to_owned(),
            active_days: short(learned.days),
            last_day: learned.last_day.map(date),
            requests: learned.requests.map(short),
            rhythm: Rhythm {
                working_days: Hours::of(&learned.rhythm.working_days),
                weekends: Hours::of(&learned.rhythm.weekends),
                center: learned.rhythm.center,
            },
            rows: learned.rows.iter().map(Rows::of).collect(),
            uses: learned.known.iter().map(Uses::of).collect(),
        }
    }
}

impl Hours {
    fn of(worked: &WorkedHours) -> Self {
        Self { days: short(worked.days), shares: worked.shares.iter().map(|share| short(*share)).collect() }
    }
}

impl Rows {
    fn of(usual: &UsualRows) -> Self {
        let UsualRows { surface, days, band } = usual;
        Self {
            surface: surface.as_str().to_owned(),
            days: short(*days),
            expected: band.expected,
            low: band.low,
            high: band.high,
        }
    }
}

impl Uses {
    fn of(known: &KnownOfKind) -> Self {
        Self {
            kind: known.kind.as_str().to_owned(),
            count: known.count,
            dropped: known.dropped,
            values: known.values.iter().map(Used::of).collect(),
        }
    }
}

impl Used {
    fn of(value: &NamedValue) -> Self {
        Self {
            name: value.name.to_string(),
            object: value.object.as_ref().map(ToString::to_string),
            days: short(value.days),
            last_day: date(value.last_day),
        }
    }
}

/// Rounds to three digits behind the point.
fn short(value: f64) -> f64 {
    (value * 1e3).round() / 1e3
}

/// Writes a date, given as days since 1970-01-01.
fn date(day: i32) -> String {
    Timestamp(i64::from(day) * DAY).to_utc().format("%Y-%m-%d").to_string()
}
