//! The dictionary: every name of every field, on all channels.

mod marks;
mod spelling;

pub(crate) use marks::Marks;
pub(crate) use spelling::{LONGEST, fold, identifies, meaning, plain};

/// What the name of a column or key stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// A field that orgwatch uses, and where Salesforce spells it so.
    Field(Field, Marks),
    /// A known field that orgwatch does not use.
    Dropped,
    /// A name that is not in the dictionary.
    Unknown,
}

/// Declares [`Field`] and the spellings of each field, with the marks of those that only some channels have.
macro_rules! fields {
    ($($field:ident: $($spelling:literal $(in $marks:ident)?)|+;)+) => {
        /// A field that orgwatch uses.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Field { $($field),+ }

        impl Field {
            pub(crate) const ALL: &'static [Self] = &[$(Self::$field),+];
            pub(crate) const COUNT: usize = Self::ALL.len();

            /// Returns the name that Salesforce gives the field, the first one where it has several.
            pub(crate) fn name(self) -> &'static str {
                match self { $(Self::$field => [$($spelling),+][0]),+ }
            }
        }

        const SPELLINGS: &[(&str, Field, Marks)] =
            &[$($(($spelling, Field::$field, Marks::of_channels(&[$(Marks::$marks)?]))),+),+];
    };
}

// Names are compared without case, underscores and spaces (see [`fold`]): `UserName` is `Username`, and `RowsProcessed` is
// `ROWS_PROCESSED`. Only names that differ in other ways are listed.
fields! {
    // Type and identity.
    ObjectType: "attributes.type";
    Channel: "channel" | "EventApiName";
    EventType: "EVENT_TYPE";
    EventIdentifier: "EventIdentifier";
    // Times.
    EventDate: "EventDate" in EVENT;
    TimestampDerived: "TIMESTAMP_DERIVED";
    Timestamp: "TIMESTAMP" in LOG;
    CreatedDate: "CreatedDate" in RECORD;
    SetupTime: "LoginTime" in SETUP | "Date" in SETUP;
    // Org, user and session.
    OrgId: "ORGANIZATION_ID" | "ORGANIZATION_ID_DERIVED" | "OrganizationIdentifier" | "Tenant" in CENTER;
    UserIdDerived: "USER_ID_DERIVED";
    UserId: "UserId";
    UserIdentifier: "UserIdentifier" in OBJECT;
    Username: "Username" | "UserNameDetail" in EVENT;
    SetupUser: "User" in SETUP;
    CreatedById: "CreatedById";
    CreatedBy: "CreatedBy" in SETUP;
    CreatedByUsername: "CreatedBy.Username" in SETUP;
    UserType: "UserType";
    ProfileId: "ProfileId";
    RoleId: "RoleId";
    SessionKey: "SessionKey";
    LoginKey: "LoginKey";
    RequestId: "REQUEST_ID" | "RequestIdentifier";
    DelegatedUsername: "DelegatedUsername";
    DelegatedUserIdDerived: "DELEGATED_USER_ID_DERIVED";
    DelegatedUserId: "DELEGATED_USER_ID" | "DelegatedUserIdentifier";
    DelegateUser: "DelegateUser" in SETUP;
    DelegatedOrgId: "DelegatedOrganizationId" | "DelegatedOrganizationIdentifier";
    // Operation and outcome.
    Operation: "Operation" in EVENT | "OPERATION_TYPE" in LOG;
    Method: "METHOD";
    HttpMethod: "HttpMethod";
    MethodName: "METHOD_NAME";
    FileAction: "FileAction";
    TransactionType: "TRANSACTION_TYPE";
    Origin: "ORIGIN";
    OperationStatus: "OperationStatus";
    RequestStatus: "REQUEST_STATUS" in LOG;
    StatusCode: "STATUS_CODE" in LOG;
    Success: "SUCCESS" in LOG;
    Status: "Status" in RECORD;
    JobStatus: "JOB_STATUS";
    PolicyOutcome: "PolicyOutcome";
    // Changes in Setup.
    SetupAction: "Action" in SETUP;
    Display: "Display" in SETUP;
    Section: "Section" in SETUP;
    // Objects and resources.
    QueriedEntities: "QueriedEntities" | "ENTITY_NAME" | "ENTITY_TYPE";
    RequestedEntities: "RequestedEntities";
    PageEntityType: "PAGE_ENTITY_TYPE";
    PageEntityId: "PAGE_ENTITY_ID";
    Query: "Query";
    ExecutionIdentifier: "ExecutionIdentifier";
    Scope: "Scope";
    DeveloperName: "DeveloperName";
    Name: "Name" in EVENT;
    ListViewId: "ListViewId";
    ReportIdDerived: "REPORT_ID_DERIVED";
    ReportId: "REPORT_ID" | "Report" | "ReportIdentifier";
    RecordId: "RecordId";
    DocumentIdDerived: "DOCUMENT_ID_DERIVED";
    DocumentId: "DocumentId" | "DocumentIdentifier";
    FileName: "FileName";
    JobId: "JOB_ID" | "JobIdentifier";
    UriIdDerived: "URI_ID_DERIVED";
    Uri: "URI";
    AssetId: "ASSET_ID" in LOG | "AssetIdentifier" in LOG;
    EntityId: "ENTITY_ID" in LOG;
    ActionMessage: "ACTION_MESSAGE" in LOG;
    ApiFamily: "API_FAMILY" in LOG;
    ApiResource: "API_RESOURCE" in LOG;
    DownloadError: "DOWNLOAD_ERROR" in LOG;
    PermissionList: "PermissionList";
    PermissionType: "PermissionType";
    ImpactedUserIds: "ImpactedUserIds";
    UserCount: "UserCount";
    HasExternalUsers: "HasExternalUsers";
    ParentNameList: "ParentNameList";
    // Amounts.
    Rows: "RowsProcessed" | "ROW_COUNT" in LOG | "RECORDS_PROCESSED" in LOG;
    DownloadedRows: "NUMBER_OF_RECORDS" in LOG | "RecordCount" in LOG;
    RowsReturned: "RowsReturned";
    Columns: "NumberOfColumns" | "NUMBER_COLUMNS" | "NUMBER_FIELDS";
    ContentSize: "ContentSize" | "SIZE_BYTES";
    ResponseSize: "RESPONSE_SIZE";
    ResultSizeMb: "RESULT_SIZE_MB";
    // Address and client.
    SourceIp: "SourceIp";
    ClientIp: "CLIENT_IP";
    Country: "Country" in RECORD;
    CountryIso: "CountryIso";
    CountryCode: "COUNTRY_CODE";
    UserAgent: "UserAgent";
    Browser: "Browser" | "BROWSER_TYPE" | "BROWSER_NAME";
    Platform: "Platform" in RECORD | "OsName";
    Client: "Client" in EVENT | "CLIENT_NAME";
    ClientInfo: "CLIENT_INFO";
    Application: "Application" in RECORD | "AppName" | "PAGE_APP_NAME" | "CONNECTED_APP_NAME" in LOG;
    ConnectedApp: "ConnectedAppId" | "ConnectedAppIdentifier";
    ApiType: "ApiType";
    LoginType: "LoginType";
    LoginStatus: "LOGIN_STATUS";
    // Threat Detection.
    Score: "Score" in EVENT;
    Summary: "Summary" in EVENT;
    SecurityEventData: "SecurityEventData";
    FeatureName: "FeatureName";
    FeatureValue: "FeatureValue";
    FeatureContribution: "FeatureContribution";
    CurrentIp: "CurrentIp";
    CurrentPlatform: "CurrentPlatform";
    CurrentScreen: "CurrentScreen";
    CurrentUserAgent: "CurrentUserAgent";
    CurrentWindow: "CurrentWindow";
    PreviousIp: "PreviousIp";
    PreviousPlatform: "PreviousPlatform";
    PreviousScreen: "PreviousScreen";
    PreviousUserAgent: "PreviousUserAgent";
    PreviousWindow: "PreviousWindow";
}

/// Fields that orgwatch does not use: record keys, policies, timings, and duplicates of other fields.
const DROPPED: &[&str] = &[
    "Id",
    "EventUuid",
    "ReplayId",
    "schema",
    "LastModifiedById",
    "LastModifiedDate",
    "LastReferencedDate",
    "LastViewedDate",
    "SystemModstamp",
    "IsDeleted",
    "OwnerId",
    "LoginHistoryId",
    "LoginGeoId",
    "LoginLatitude",
    "LoginLongitude",
    "City",
    "PostalCode",
    "Subdivision",
    "RelatedEventIdentifier",
    "PolicyId",
    "EvaluationTime",
    "SessionLevel",
    "SESSION_TYPE",
    "Records",
    "AdditionalInfo",
    "FilterCriteria",
    "SEARCH_QUERY",
    "PREFIXES_SEARCHED",
    "QUERY_ID",
    "NUM_RESULTS",
    "ColumnHeaders",
    "GroupedColumnHeaders",
    "DisplayedFieldEntities",
    "OrderBy",
    "Sequence",
    "EventSource",
    "ElapsedTime",
    "ApiVersion",
    "CipherSuite",
    "TlsProtocol",
    "LoginUrl",
    "LoginSubType",
    "AuthServiceId",
    "AuthMethodReference",
    "ClientVersion",
    "NetworkId",
    "CertificateIdentifier",
    "UseApiToken",
    "DashboardId",
    "DashboardName",
    "Description",
    "Format",
    "ExportFileFormat",
    "IsScheduled",
    "ActionName",
    "BotId",
    "BOT_SESSION_ID",
    "BotSessionIdentifier",
    "PlannerId",
    "SoqlCommands",
    "ParentIdList",
    "PermissionExpiration",
    "PermissionExpirationList",
    "VersionId",
    "VERSION_ID_DERIVED",
    "VersionNumber",
    "FileSource",
    "FileType",
    "FILE_PREVIEW_TYPE",
    "CanDownloadPdf",
    "IsLatestVersion",
    "ProcessDuration",
    "ConnectionType",
    "DeviceId",
    "DeviceModel",
    "DevicePlatform",
    "DeviceSessionId",
    "Duration",
    "EffectivePageTime",
    "EffectivePageTimeDeviation",
    "EffectivePageTimeDeviationErrorType",
    "EffectivePageTimeDeviationReason",
    "HasEffectivePageTimeDeviation",
    "OsVersion",
    "PageStartTime",
    "PageUrl",
    "PAGE_CONTEXT",
    "PreviousPageAppName",
    "PreviousPageEntityId",
    "PreviousPageEntityType",
    "PreviousPageUrl",
    "SdkAppType",
    "SdkAppVersion",
    "SdkVersion",
    "DetailIdentifier",
    "EventName",
    "MetricIdentifier",
    "MetricsType",
    "TenantName",
    "RUN_TIME",
    "CPU_TIME",
    "DB_TOTAL_TIME",
    "DatabaseTotalTime",
    "DB_BLOCKS",
    "DB_CPU_TIME",
    "REQUEST_SIZE",
    "EXCEPTION_MESSAGE",
    "ERROR_MESSAGE",
    "MEDIA_TYPE",
    "BATCH_ID",
    "NUMBER_FAILURES",
    "RECORDS_FAILED",
    "NUMBER_EXCEPTION_FILTERS",
    "UI_NUMBER_COLUMNS",
    "AVERAGE_ROW_SIZE",
    "SORT",
    "NUMBER_BUCKETS",
    "DISPLAY_TYPE",
    "RENDERING_TYPE",
    "REPORT_DESCRIPTION",
    "HTTP_REFERER",
    "REFERRER_URI",
    "AUTHENTICATION_METHOD_REFERENCE",
    "AUTHENTICATION_SERVICE_ID",
    "AUTHENTICATION_CONTEXT_CLASS_REFERENCE",
    "PLATFORM_TYPE",
    "RESOLUTION_TYPE",
    "APP_TYPE",
    "USER_INITIATED_LOGOUT",
    "CLIENT_ID",
    "AcceptLanguage",
    "Message",
    "SECURE_CONNECTION_START",
    "ApiAnomalyEventNumber",
    "ReportAnomalyEventNumber",
    "SessionHijackingEventNumber",
    "CredentialStuffingEventNumber",
    "GuestUserAnomalyEventNumber",
    "LoginAnomalyEventNumber",
    "LoginAsCategory",
    "TargetUrl",
    "UI_EVENT_ID",
    "UI_EVENT_TYPE",
    "UI_EVENT_SOURCE",
    "UI_EVENT_TIMESTAMP",
    "UI_EVENT_SEQUENCE_NUM",
    "CLIENT_GEO",
    "BROWSER_VERSION",
    "PREVPAGE_APP_NAME",
    "PREVPAGE_CONTEXT",
    "PREVPAGE_ENTITY_ID",
    "PREVPAGE_ENTITY_TYPE",
    "PREVPAGE_URL",
    // Real log files of logouts contain this as the name of a single column.
    "API_VERSION,USER_INITIATED_LOGOUT",
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn no_name_is_listed_twice() {
        let mut seen = HashSet::new();
        for name in SPELLINGS.iter().map(|(name, ..)| name).chain(DROPPED) {
            assert!(seen.insert(fold(name)), "{name}");
        }
    }
}
