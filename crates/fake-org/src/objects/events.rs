//! The objects that store events, and their fields in streams and stores.

use super::{Class, Field, Object};

/// An object that stores events, with the name of its stream.
#[derive(Clone, Debug)]
pub(crate) struct EventObject {
    /// Such as `ListViewEventStream`, of the topic `/event/ListViewEventStream`.
    pub(crate) stream: &'static str,
    pub(crate) stored: Object,
}

/// Returns all objects that store events.
pub(crate) fn events() -> Vec<EventObject> {
    let object = |(stored, stream, class, fields): &(&str, &'static str, Class, &str)| EventObject {
        stream,
        stored: Object::new(stored, *class, Field::list(&format!("{COMMON} {fields}"))),
    };
    EVENTS.iter().map(object).collect()
}

/// The fields that all of them have.
const COMMON: &str = "-Id:r EventIdentifier EventDate:t -CreatedDate:t -CreatedById:r UserId:r Username LoginKey \
                      SessionKey SourceIp";

/// Stored name, streamed name, class, further fields. `:t` is a time, `:d` a double, `:i` a whole number, `:b` a
/// boolean, `:r` an id; a leading `-` means that streamed events lack the field. From Salesforce's "Platform Events
/// Developer Guide" and "Object Reference".
#[rustfmt::skip]
const EVENTS: &[(&str, &str, Class, &str)] = &[
    (
        "ApiEvent",
        "ApiEventStream",
        Class::Big,
        "ActionName AdditionalInfo ApiType ApiVersion:d Application BotId:r BotSessionIdentifier Client \
         ConnectedAppId:r ElapsedTime:i EvaluationTime:d LoginHistoryId:r Operation OperationStatus PlannerId:r \
         Platform PolicyId:r PolicyOutcome ProfileId:r QueriedEntities Query Records RelatedEventIdentifier \
         RequestIdentifier RoleId:r RowsProcessed:d RowsReturned:d SessionLevel UserAgent",
    ),
    (
        "ListViewEvent",
        "ListViewEventStream",
        Class::Big,
        "AppName ColumnHeaders DeveloperName EvaluationTime:d EventSource ExecutionIdentifier FilterCriteria \
         ListViewId:r LoginHistoryId:r Name NumberOfColumns:i OrderBy OwnerId:r PolicyId:r PolicyOutcome \
         ProfileId:r QueriedEntities Records RelatedEventIdentifier RoleId:r RowsProcessed:d Scope Sequence:i \
         SessionLevel",
    ),
    (
        "ReportEvent",
        "ReportEventStream",
        Class::Big,
        "ActionName BotId:r BotSessionIdentifier ColumnHeaders DashboardId:r DashboardName Description \
         DisplayedFieldEntities EvaluationTime:d EventSource ExecutionIdentifier ExportFileFormat Format \
         GroupedColumnHeaders IsScheduled:b LoginHistoryId:r Name NumberOfColumns:i Operation OwnerId:r \
         PlannerId:r PolicyId:r PolicyOutcome ProfileId:r QueriedEntities Records RelatedEventIdentifier \
         ReportId:r RoleId:r RowsProcessed:d Scope Sequence:i SessionLevel",
    ),
    (
        "LoginEvent",
        "LoginEventStream",
        Class::Big,
        "AdditionalInfo ApiType ApiVersion Application AuthContextClassRef AuthMethodReference AuthServiceId:r \
         Browser CipherSuite City ClientVersion Country CountryIso EvaluationTime:d ForwardedForIp HttpMethod \
         -HttpReferer LoginGeoId:r LoginHistoryId:r LoginLatitude:d LoginLongitude:d LoginSubType LoginType \
         LoginUrl NetworkId:r Platform PolicyId:r PolicyOutcome PostalCode ProfileId:r RelatedEventIdentifier \
         RemoteIdentifier RoleId:r SessionLevel Status Subdivision TlsProtocol -UseApiToken UserType",
    ),
    (
        "LoginAsEvent",
        "LoginAsEventStream",
        Class::Big,
        "Application Browser DelegatedOrganizationId DelegatedUsername EvaluationTime:d \
         LoginAccessChangeExpDate:t LoginAccessChangeGranteeName LoginAccessChangeGranteeType LoginAsCategory \
         LoginHistoryId:r LoginType Platform PolicyId:r PolicyOutcome ProfileId:r RoleId:r SessionLevel TargetUrl \
         UserType",
    ),
    (
        "LogoutEvent",
        "LogoutEventStream",
        Class::Big,
        "ProfileId:r RelatedEventIdentifier RoleId:r SessionLevel",
    ),
    (
        "LightningUriEvent",
        "LightningUriEventStream",
        Class::Big,
        "AppName ConnectionType DeviceId DeviceModel DevicePlatform DeviceSessionId Duration:d \
         EffectivePageTime:d EffectivePageTimeDeviationErrorType EffectivePageTimeDeviationReason \
         HasEffectivePageTimeDeviation:b Operation OsName OsVersion PageStartTime:t PageUrl PreviousPageAppName \
         PreviousPageEntityId:r PreviousPageEntityType PreviousPageUrl ProfileId:r QueriedEntities RecordId:r \
         RelatedEventIdentifier RoleId:r SdkAppType SdkAppVersion SdkVersion SessionLevel UserAgent UserType",
    ),
    (
        "UriEvent",
        "UriEventStream",
        Class::Big,
        "Message Name Operation OperationStatus ProfileId:r QueriedEntities RecordId:r RelatedEventIdentifier \
         RoleId:r SessionLevel UserType",
    ),
    (
        "BulkApiResultEventStore",
        "BulkApiResultEvent",
        Class::Big,
        "EvaluationTime:d LoginHistoryId:r PolicyId:r PolicyOutcome ProfileId:r Query RelatedEventIdentifier \
         RoleId:r SessionLevel",
    ),
    (
        "FileEventStore",
        "FileEvent",
        Class::Big,
        "CanDownloadPdf:b ContentSize:i DocumentId:r EvaluationTime:d FileAction FileName FileSource FileType \
         IsLatestVersion:b -LastModifiedById:r -LastModifiedDate:t PolicyId:r PolicyOutcome ProcessDuration:d \
         ProfileId:r RelatedEventIdentifier RoleId:r SessionLevel -SystemModstamp:t VersionId:r VersionNumber",
    ),
    (
        "PermissionSetEventStore",
        "PermissionSetEvent",
        Class::Big,
        "EvaluationTime:d EventSource HasExternalUsers:b ImpactedUserIds LoginHistoryId:r Operation ParentIdList \
         ParentNameList PermissionExpiration:t PermissionExpirationList PermissionList PermissionType PolicyId:r \
         PolicyOutcome ProfileId:r RelatedEventIdentifier RoleId:r SessionLevel UserCount",
    ),
    (
        "ApiAnomalyEventStore",
        "ApiAnomalyEvent",
        Class::Standard,
        "-ApiAnomalyEventNumber EvaluationTime:d -LastModifiedDate:t -LastReferencedDate:t -LastViewedDate:t \
         Operation PolicyId:r PolicyOutcome QueriedEntities RequestIdentifier RowsProcessed:d Score:d \
         SecurityEventData Summary -SystemModstamp:t Uri UserAgent",
    ),
    (
        "ReportAnomalyEventStore",
        "ReportAnomalyEvent",
        Class::Standard,
        "EvaluationTime:d -LastModifiedDate:t -LastReferencedDate:t -LastViewedDate:t PolicyId:r PolicyOutcome \
         Report -ReportAnomalyEventNumber Score:d SecurityEventData Summary -SystemModstamp:t",
    ),
    (
        "SessionHijackingEventStore",
        "SessionHijackingEvent",
        Class::Standard,
        "CurrentIp CurrentPlatform CurrentScreen CurrentUserAgent CurrentWindow EvaluationTime:d \
         -LastModifiedDate:t -LastReferencedDate:t -LastViewedDate:t PolicyId:r PolicyOutcome PreviousIp \
         PreviousPlatform PreviousScreen PreviousUserAgent PreviousWindow Score:d SecurityEventData \
         -SessionHijackingEventNumber Summary -SystemModstamp:t",
    ),
    (
        "CredentialStuffingEventStore",
        "CredentialStuffingEvent",
        Class::Standard,
        "AcceptLanguage -CredentialStuffingEventNumber EvaluationTime:d -LastModifiedDate:t -LastReferencedDate:t \
         -LastViewedDate:t LoginType LoginUrl PolicyId:r PolicyOutcome Score:d Summary -SystemModstamp:t \
         UserAgent",
    ),
    (
        "GuestUserAnomalyEventStore",
        "GuestUserAnomalyEvent",
        Class::Standard,
        "EvaluationTime:d -GuestUserAnomalyEventNumber -LastModifiedDate:t -LastReferencedDate:t \
         -LastViewedDate:t PolicyId:r PolicyOutcome RequestedEntities Score:d SecurityEventData SoqlCommands \
         Summary -SystemModstamp:t TotalControllerEvents:i UserAgent UserType",
    ),
    (
        "LoginAnomalyEventStore",
        "LoginAnomalyEvent",
        Class::Standard,
        "EvaluationTime:d FeatureContribution:d FeatureName FeatureValue:d -LastModifiedDate:t \
         -LastReferencedDate:t -LastViewedDate:t -LoginAnomalyEventNumber PolicyId:r PolicyOutcome Score:d \
         SecurityEventData Summary -SystemModstamp:t",
    ),
];
