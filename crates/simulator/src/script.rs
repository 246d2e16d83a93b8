//! The actions of accounts, each with the events that it produces. Ordinary days and attacks share them.

use std::sync::Arc;

use crate::account::Identity;
use crate::catalog::{Query, Report, View};
use crate::dice::Dice;
use crate::event::{Api, Body, Event, LoginKind, Session, Threat, WriteOperation};

/// Rows of a list view per event, from the founding article's example.
const VIEW_CHUNK: f64 = 250.0;
/// Rows of a report per event. A choice: a real report of 20,680 rows came in 51 events.
const REPORT_CHUNK: f64 = 500.0;
/// Rows of a query per response: Salesforce's default batch size.
const QUERY_CHUNK: f64 = 2_000.0;
/// Records of a call that writes, and of a batch of the Bulk API: the most that Salesforce takes.
const WRITE_CHUNK: f64 = 200.0;
const BULK_CHUNK: f64 = 10_000.0;
/// Most events of one action; larger results have larger chunks. A choice, to bound the output.
const MOST_CHUNKS: f64 = 25.0;

pub(crate) static REST: Api =
    Api { api_type: "REST", application: "Lumen Sync", client: "Unknown", connected_app: Some(31) };
pub(crate) static SOAP: Api =
    Api { api_type: "SOAP Partner", application: "N/A", client: "DataLoaderPartnerUI/", connected_app: None };
pub(crate) static BULK: Api =
    Api { api_type: "Bulk", application: "Lumen Warehouse", client: "Unknown", connected_app: Some(32) };
pub(crate) static STOLEN: Api = Api { api_type: "REST", application: "N/A", client: "Unknown", connected_app: None };

/// Appends the events of one account.
pub(crate) struct Script<'a> {
    pub(crate) dice: Dice,
    pub(crate) identity: Arc<Identity>,
    pub(crate) out: &'a mut Vec<Event>,
}

impl Script<'_> {
    /// Appends an event.
    pub(crate) fn event(&mut self, at: i64, session: &Arc<Session>, body: Body) {
        let id = self.dice.uuid();
        let (identity, session) = (self.identity.clone(), session.clone());
        self.out.push(Event { at, arrival: at, id, identity, session, internal: false, body });
    }

    /// Opens a list view. More than [`VIEW_CHUNK`] rows come in several events. Returns the time after the last.
    pub(crate) fn list_view(&mut self, at: i64, session: &Arc<Session>, view: &Arc<View>, rows: f64) -> i64 {
        let execution = self.dice.uuid();
        let mut last = at;
        for sequence in 1..=chunks(rows, VIEW_CHUNK) {
            let body = Body::ListView {
                view: view.clone(),
                rows: Some(rows.round()),
                execution,
                sequence,
                lower_scope: false,
            };
            self.event(last, session, body);
            last += i64::from(self.dice.whole(40, 400));
        }
        last
    }

    /// Runs or exports a report. Returns the time after the last event.
    pub(crate) fn report(
        &mut self,
        at: i64,
        session: &Arc<Session>,
        report: &Arc<Report>,
        operation: &'static str,
        rows: f64,
    ) -> i64 {
        let execution = self.dice.uuid();
        let mut last = at;
        for sequence in 1..=chunks(rows, REPORT_CHUNK) {
            let body =
                Body::Report { report: report.clone(), operation, rows: Some(rows.round()), execution, sequence };
            self.event(last, session, body);
            last += i64::from(self.dice.whole(30, 250));
        }
        last
    }

    /// Runs a query, with the `QueryMore` calls that fetch the rest. Returns the time after the last event.
    pub(crate) fn query(
        &mut self,
        at: i64,
        session: &Arc<Session>,
        query: &Arc<Query>,
        api: &'static Api,
        rows: f64,
    ) -> i64 {
        let batches = chunks(rows, QUERY_CHUNK);
        let shows_returned = self.dice.chance(0.5);
        let mut last = at;
        for batch in 1..=batches {
            let body = Body::Api {
                query: query.clone(),
                operation: if batch == 1 { "Query" } else { "QueryMore" },
                rows: Some(rows.round()),
                returned: (rows / f64::from(batches)).round(),
                shows_returned,
                request: self.dice.word(),
                api,
            };
            self.event(last, session, body);
            last += i64::from(self.dice.whole(300, 2_500));
        }
        last
    }

    /// Writes records of an object, in several calls or batches. Returns the time after the last.
    pub(crate) fn write(
        &mut self,
        at: i64,
        session: &Arc<Session>,
        (operation, object): (WriteOperation, &'static str),
        api: &'static Api,
        rows: f64,
    ) -> i64 {
        let chunk = if api.api_type == BULK.api_type { BULK_CHUNK } else { WRITE_CHUNK };
        let calls = chunks(rows, chunk);
        let mut last = at;
        for _ in 0..calls {
            let (rows, request) = ((rows / f64::from(calls)).ceil(), self.dice.word());
            self.event(last, session, Body::Write { operation, object, rows, request, api });
            last += i64::from(self.dice.whole(300, 2_500));
        }
        last
    }

    /// Downloads the result of a Bulk API job.
    pub(crate) fn bulk_result(&mut self, at: i64, session: &Arc<Session>, query: &Arc<Query>, rows: f64) {
        let request = self.dice.word();
        self.event(at, session, Body::BulkApiResult { query: query.clone(), rows: rows.round(), request });
    }

    /// Logs in, or fails to.
    pub(crate) fn login(&mut self, at: i64, session: &Arc<Session>, status: &'static str, kind: LoginKind) {
        self.event(at, session, Body::Login { status, kind });
    }

    /// Opens a record in Lightning Experience.
    pub(crate) fn open_record(&mut self, at: i64, session: &Arc<Session>, object: &'static str) {
        let (record, duration) = (self.dice.word() >> 24, self.dice.log_normal(1_400.0, 0.6) as u32);
        let operation = self.dice.weighted("Read", &[("Update", 0.18), ("Create", 0.06), ("Delete", 0.01)], 0.75);
        self.event(at, session, Body::LightningUri { object, record, operation, duration });
    }

    /// Reads this record in Lightning Experience or on a site.
    pub(crate) fn read_record(&mut self, at: i64, session: &Arc<Session>, object: &'static str, record: u64) {
        let duration = self.dice.log_normal(900.0, 0.5) as u32;
        self.event(at, session, Body::LightningUri { object, record, operation: "Read", duration });
    }

    /// Opens a record in Salesforce Classic.
    pub(crate) fn open_classic(&mut self, at: i64, session: &Arc<Session>, object: &'static str) {
        let record = self.dice.word() >> 24;
        let operation = self.dice.weighted("Read", &[("Update", 0.25)], 0.75);
        self.event(at, session, Body::Uri { object, record, operation });
    }

    /// Downloads, previews or uploads a file.
    pub(crate) fn file(&mut self, at: i64, session: &Arc<Session>, action: &'static str) {
        let (document, bytes) = (self.dice.word() >> 24, self.dice.log_normal(240_000.0, 1.3) as u64);
        let file_type = self.dice.weighted("PDF", &[("WORD_X", 0.25), ("EXCEL_X", 0.25), ("POWER_POINT_X", 0.1)], 0.4);
        self.event(at, session, Body::File { action, document, bytes, file_type });
    }

    /// Appends a detection.
    pub(crate) fn threat(&mut self, at: i64, session: &Arc<Session>, threat: Threat) {
        self.event(at, session, Body::Threat(Box::new(threat)));
    }
}

/// Returns the number of chunks for `rows` rows.
fn chunks(rows: f64, chunk: f64) -> u32 {
    (rows / chunk).ceil().clamp(1.0, MOST_CHUNKS) as u32
}
