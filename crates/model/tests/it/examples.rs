//! One complete example of each message, with no field at its default.

use model::{
    Activity, Anonymized, Anonymizer, Attribute, Burst, Calibration, Channel, Composition, Contribution, Delegate,
    Delegated, Disposition, Downloads, Drain, Effect, Evidence, Failures, Feature, Finding, First, HourOfWeek,
    Incident, Kind, Largest, Measure, NativeAnomaly, NativeFeature, NewApp, Observation, OrgId, Outcome, Pages, Points,
    Precision, Rarity, Rate, Receipt, RiskModel, Scope, ScoreScale, SessionChange, Setup, SetupCase, Severity,
    SourceIp, Spread, Surface, Term, TermKind, Text, Timestamp, UnusualValue, UserClass, UserId, Usual, Uuid,
    ValueKind, Volume, Wake, WriteKind, Writes,
};

const AT: Timestamp = Timestamp(1_772_461_912_867);
const DAY: Timestamp = Timestamp(1_772_409_600_000);

fn org() -> OrgId {
    OrgId::new("00Dhn0000018hrcMAU")
}

fn user() -> UserId {
    UserId::new("005hn00000EmmaMAAU")
}

fn some(text: &str) -> Option<Text> {
    Some(text.into())
}

fn uuid(n: u128) -> Uuid {
    Uuid::from_u128(0xfde6_ee7f_5058_40c7_9870_b54d_c909_c100 + n)
}

pub(crate) fn activity() -> Activity {
    Activity {
        username: some("emma.martin@acme.example"),
        received_at: Some(AT.plus(1_500)),
        operation: some("ReportExported"),
        effect: Effect::Export,
        outcome: Outcome::Success,
        objects: vec!["Contact".into(), "Account".into()].into(),
        resource_id: some("00B000000000001AAA"),
        resource_name: some("AllContacts"),
        scope: Some(Scope::All),
        run: Some(0x0123_4567_89ab_cdef),
        rows: Some(250),
        rows_returned: Some(200),
        columns: Some(12),
        bytes: Some(65_536),
        source_ip: Some(SourceIp::Address([203, 0, 113, 7].into())),
        asn: Some(64_500),
        country: some("DE"),
        user_agent: some("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7)"),
        client: some("Chrome on macOS"),
        application: some("Browser"),
        connected_app: some("Data Loader"),
        api_type: some("REST"),
        session_key: some("session"),
        login_key: some("login"),
        request_id: some("request"),
        status: some("LOGIN_NO_ERROR"),
        login_type: some("Application"),
        user_type: some("Standard"),
        profile_id: some("00e000000000001AAA"),
        role_id: some("00E000000000001AAA"),
        administers: Some(true),
        delegate: Some(Box::new(Delegate {
            username: some("admin@acme.example"),
            user_id: some("005hn00000AdminAAA"),
            org_id: some("00Dhn0000018hrcMAU"),
        })),
        native: Some(Box::new(NativeAnomaly {
            score: Some(0.9),
            scale: ScoreScale::ZeroToOne,
            summary: some("Report was exported from an infrequent network"),
            features: vec![NativeFeature { name: "rowCount".into(), value: "1937568".into(), percent: Some(95.0) }],
            unread: some("{"),
        })),
        attributes: vec![Attribute { name: "Sequence".into(), value: "1".into() }],
        ..Activity::new(uuid(1), org(), user(), AT, Channel::Stream, Kind::Report)
    }
}

pub(crate) fn observation() -> Observation {
    Observation {
        org_id: org(),
        user_id: user(),
        username: some("emma.martin@acme.example"),
        user_class: UserClass::Normal,
        at: AT,
        day: DAY,
        revision: 421,
        activity: Some(Box::new(Activity::new(uuid(1), org(), user(), AT, Channel::Stream, Kind::ListView))),
        features: features(),
        blind: Vec::new(),
        calibrations: vec![Calibration {
            detector: "row_spike".into(),
            subject: "report".into(),
            days: 5_000,
            knots: vec![0, 300, 2_500],
            slope: 800,
        }],
        precisions: vec![Precision { detector: "row_spike".into(), factor: 0.75 }],
        settings: "0123456789abcdef".into(),
    }
}

/// One feature of each variant.
fn features() -> Vec<Feature> {
    let usual = Usual {
        location: 4.5,
        scale: 0.5,
        degrees: 35.0,
        shift: 0.25,
        mean: 99.0,
        deviation: 36.5,
        evidence: 30.0,
        prior_weight: 0.125,
    };
    let rate = Rate { shape: 1.5, rate: 40.0, evidence: 30.0, prior_weight: 0.25 };
    let evidence = vec![uuid(1), uuid(2)];
    let first = First {
        name: "Case".into(),
        today: 2,
        names: vec!["Case".into(), "Lead".into()],
        usual: rate,
        peer_share: 0.5,
        peers: 40,
        rows: Some(250),
        request: usual,
        from_views: vec!["My_Contacts".into()],
        to_view: some("AllContacts"),
        from_scope: Some(Scope::Own),
        to_scope: Some(Scope::All),
        evidence: evidence.clone(),
        peer_tail: 0.0625,
        known_share: 0.75,
        surface: Some(Surface::Api),
    };
    let rarity = Rarity {
        value: "AS64500".into(),
        seen: 1.0,
        days: 30.0,
        peer_share: 0.25,
        peer_tail: 0.125,
        usual: rate,
        country: some("RO"),
        new_country: true,
        known: vec!["AS64501".into()],
        anonymizer: Some(Anonymized { kind: Anonymizer::Tor, seen: 0.5, peer_share: 0.0625 }),
    };
    vec![
        Feature::Volume(Volume {
            surface: Surface::ListView,
            rows: 4_151.0,
            hour_rows: 4_032.0,
            requests: 29,
            day: usual,
            hour: usual,
            per_request: usual,
            peer: usual,
            objects: vec!["Contact".into()],
            evidence: evidence.clone(),
            closed: true,
            recurrences: 1,
        }),
        Feature::Burst(Burst {
            requests: 11,
            effective: 9,
            span: 58_100,
            usual: rate,
            known_share: 0.75,
            objects: vec!["Contact".into()],
            evidence: evidence.clone(),
        }),
        Feature::Scope(first.clone()),
        Feature::Object(first.clone()),
        Feature::Export(first),
        Feature::Client(rarity.clone()),
        Feature::Network(rarity),
        Feature::Failures(Failures {
            recent: 6.5,
            count: 7,
            usual: rate,
            new_network: true,
            evidence: evidence.clone(),
        }),
        Feature::Session(SessionChange {
            from_network: some("AS64501"),
            to_network: some("AS64500"),
            from_client: some("Chrome on macOS"),
            to_client: some("python-requests"),
            usual: rate,
            known_network: true,
            elapsed: 90_000,
        }),
        Feature::Delegated(Delegated {
            delegate: "admin@acme.example".into(),
            rows: 5_000.0,
            exports: 2,
            requests: 9,
            usual,
            evidence: evidence.clone(),
        }),
        Feature::Hour(HourOfWeek { hour: 3, share: 0.001, days: 30.0, rows: 800.0, requests: 5 }),
        Feature::Recon(Spread {
            objects: 60,
            unknown: 55,
            empty: 12,
            usual: rate,
            names: vec!["Case".into()],
            evidence: evidence.clone(),
            counted: 40,
            usual_counted: Some(rate),
        }),
        Feature::Downloads(Downloads { count: 40, bytes: 1 << 33, usual: rate, evidence, recurrences: 3 }),
        Feature::Drain(Drain {
            surface: Surface::Api,
            since: Timestamp(1_772_323_200_000),
            log10_e: 4.5,
            days: 21,
            excess: 1.75,
            rows: 42_000.0,
            usual_rows: 24_000.0,
            evidence: 90.0,
        }),
        Feature::Native,
        Feature::Writes(Writes {
            surface: Surface::Bulk,
            kind: WriteKind::Erased,
            rows: 20_000.0,
            hour_rows: 18_000.0,
            requests: 2,
            day: usual,
            hour: usual,
            chance: 0.0625,
            days: 31.0,
            org_days: 7.0,
            objects: vec!["Account".into()],
            evidence: vec![uuid(1)],
            recurrences: 1,
        }),
        Feature::Largest(Largest {
            surface: Surface::Report,
            rows: 9_400.0,
            name: Some("Contacts by account".into()),
            deviations: 11.5,
            peer_deviations: 4.25,
            usual: 210.0,
            days: 31.0,
            prior_weight: 0.125,
            recurrences: 1,
            objects: vec!["Contact".into()],
            evidence: vec![uuid(1)],
            shift: 0.25,
            unshifted: 5.5,
        }),
        Feature::Pages(Pages {
            pages: 840,
            deviations: 12.5,
            peer_deviations: 6.25,
            usual: 9.5,
            shift: 0.25,
            days: 31.0,
            prior_weight: 0.125,
            recurrences: 1,
            objects: vec!["Account".into()],
            evidence: vec![uuid(1)],
            unshifted: 13.5,
            rare: true,
        }),
        Feature::Setup(Setup {
            case: SetupCase::BroadRights,
            what: "Permission set View All Data: assigned to user Lee Roe".into(),
            seen: 0.5,
            days: 31.0,
            org_days: 310.0,
            peer_share: 0.0625,
            known_app: false,
        }),
        Feature::App(NewApp {
            app: "My Ticket Portal".into(),
            app_id: some("0H4hn0000004aBcCAE"),
            users: 1,
            accounts: 120,
            rolled_out: true,
            imitates: true,
            chance: 0.0005,
            peer_tail: 0.25,
            days: 40.0,
            rows: 48_000.0,
            requests: 12,
            evidence: vec![uuid(1)],
        }),
        Feature::Wake(Wake {
            silent_days: 47,
            longest_days: 9,
            chance: 0.0005,
            new_network: some("203.0.113.0/24"),
            new_client: some("Chrome on Windows"),
            novelty: 0.125,
            many: true,
            days: 40.0,
        }),
        Feature::Composition(Composition {
            ratio: 61.5,
            mean: -20.25,
            deviation: 8.5,
            missing: 2.5,
            days: 31.0,
            unusual: 9,
            values: vec![UnusualValue {
                kind: ValueKind::Object,
                name: "Case".into(),
                count: 14,
                ratio: 12.5,
                own_share: 0.0,
                org_share: 0.0625,
                first: uuid(1),
            }],
            closed: true,
        }),
    ]
}

pub(crate) fn finding() -> Finding {
    Finding {
        finding_id: uuid(3),
        revision: 421,
        org_id: org(),
        user_id: user(),
        username: some("emma.martin@acme.example"),
        user_class: UserClass::Normal,
        detector: "row_spike".into(),
        severity: Severity::Critical,
        score: 10.0,
        anomaly_score: 0.9375,
        confidence: 0.875,
        surprise: 10.0,
        observed_at: AT,
        revised_at: AT.plus(60_000),
        summary: "4,151 rows in a day where μ = 99.0 and σ = 36.44 are usual (z = 111.2)".to_owned(),
        features: vec![
            Contribution { name: "rowCount".into(), value: "4151".into(), share: 6_205 },
            Contribution { name: "hourlyRowCount".into(), value: "4032".into(), share: 3_795 },
        ],
        measures: vec![Measure { name: "rows".into(), value: 4_151.0 }, Measure { name: "z".into(), value: 111.207_3 }],
        event_ids: vec![uuid(1), uuid(2)],
        objects: vec!["Contact".into()],
        surface: Some(Surface::ListView),
        withdrawn: true,
        config_hash: "3f9a1c".into(),
        addresses: vec!["203.0.113.7".into(), "2001:db8::7".into()],
        resource_id: some("00Odt0000003nHdEAI"),
        resource_name: some("All contacts"),
        client: some("Chrome on macOS"),
        app: some("Data Loader"),
        precision: Some(0.75),
        evidence: vec![Evidence::of(&activity())],
    }
}

pub(crate) fn incident() -> Incident {
    let finding = Finding { withdrawn: false, evidence: Vec::new(), ..finding() };
    let base = Term {
        kind: TermKind::Finding,
        name: "row_spike".into(),
        finding_id: Some(finding.finding_id),
        score: 10.0,
        weight: 0.7,
        decay: 1.0,
        damping: 0.5,
        multiplier: 1.0,
        points: Points(7_050),
        reason: finding.summary.clone(),
    };
    let modifier = Term {
        kind: TermKind::Modifier,
        name: "user_class".into(),
        finding_id: None,
        multiplier: 0.8,
        points: Points(-500),
        reason: "the account is of class normal".to_owned(),
        ..base.clone()
    };
    let terms = vec![base, modifier];
    Incident {
        incident_id: uuid(4),
        revision: 7,
        org_id: org(),
        user_id: user(),
        username: some("emma.martin@acme.example"),
        user_class: UserClass::Normal,
        severity: Severity::High,
        risk_score: Points(6_550),
        first_event_at: AT,
        last_event_at: AT.plus(60_000),
        findings: vec![finding],
        receipt: Receipt { model: RiskModel::NoisyOr, config_hash: "3f9a1c".into(), risk_score: Points(6_550), terms },
        disposition: Some(Disposition::Benign),
    }
}
