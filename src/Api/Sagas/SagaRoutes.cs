using GrainDb.Api.Changes;
using GrainDb.Api.Idempotency;
using GrainDb.Api.Keys;
using GrainDb.Api.OpenApi;
using GrainDb.Api.Requests;
using GrainDb.Interfaces.Sagas;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.OpenApi;

namespace GrainDb.Api.Sagas;

/// <summary>The routes of sagas and their definitions, and what the OpenAPI document says of them.</summary>
internal static class SagaRoutes
{
    private const string Root = "/v1/sagas";
    private const string One = "/v1/sagas/{id}";
    private const string Step = "/v1/sagas/{id}/steps/{step}";
    private const string Definitions = "/v1/saga-definitions";
    private const string Definition = "/v1/saga-definitions/{name}/{version}";

    private static readonly ErrorCode[] Bodies = [ErrorCode.RequestTooLarge, ErrorCode.UnsupportedMediaType];
    private static readonly ErrorCode[] Reads = [ErrorCode.Overloaded, ErrorCode.Unavailable];
    private static readonly ErrorCode[] Writes = [.. Reads, .. Bodies, ErrorCode.OutcomeUnknown];

    public static void MapSagas(
        this IEndpointRouteBuilder routes, Operations operations, SagasApi sagas, SagaActionsApi actions, SagaDefinitionsApi definitions, SagaEventsApi events)
    {
        routes.MapDefinitions(operations, definitions);
        routes.MapStart(operations.Endpoint("saga_start", sagas.StartAsync));
        routes.MapList(operations.Endpoint("saga_list", sagas.ListAsync));
        routes.MapGet(operations.Endpoint("saga_find", sagas.GetAsync));
        routes.MapHistory(operations.Endpoint("saga_history", sagas.HistoryAsync));
        routes.MapEvents(events.GetAsync);
        routes.MapActions(operations, actions);
        routes.MapStepActions(operations, actions);
    }

    private static void MapDefinitions(this IEndpointRouteBuilder routes, Operations operations, SagaDefinitionsApi definitions)
    {
        routes.Map("PUT", Definition, operations.Endpoint("saga_definition_put", definitions.PutAsync)).Described().OfDefinition().WithName("putSagaDefinition")
            .WithSummary("Stores a definition, for good: it never changes under its name and version. What is wrong with it is named, all at once.")
            .WithJsonBody(typeof(SagaDefinitionBody), required: true)
            .WithAnswer(StatusCodes.Status201Created, "Stored.", typeof(SagaDefinitionDocument))
            .WithAnswer(StatusCodes.Status200OK, "The same was stored before.", typeof(SagaDefinitionDocument))
            .WithResponseHeader("Location", "The definition, when it was stored now.")
            .WithIdempotency()
            .WithErrors([.. Writes, ErrorCode.SagaDefinitionExists]);
        routes.Map("GET", Definition, operations.Endpoint("saga_definition_find", definitions.GetAsync)).Described().OfDefinition().WithName("getSagaDefinition")
            .WithSummary("A definition in full, with its defaults filled in.")
            .WithAnswer(StatusCodes.Status200OK, "The definition.", typeof(SagaDefinitionDocument))
            .WithErrors([.. Reads, ErrorCode.SagaDefinitionNotFound]);
        routes.Map("GET", Definitions, operations.Endpoint("saga_definition_list", definitions.ListAsync)).Described().WithName("listSagaDefinitions")
            .WithSummary("Lists the definitions by name and version.")
            .Paged()
            .WithAnswer(StatusCodes.Status200OK, "A page.", typeof(SagaDefinitionPageDocument))
            .WithErrors(Reads);
    }

    private static void MapStart(this IEndpointRouteBuilder routes, RequestDelegate start) =>
        routes.Map("POST", Root, start).Described().WithName("startSaga")
            .WithSummary("Starts a saga, once for its id. It is carried out from then on, whatever fails.")
            .WithJsonBody(typeof(SagaStartBody), required: true)
            .WithAnswer(StatusCodes.Status202Accepted, "Its start is durable, now or since an earlier request that was the same.", typeof(SagaDocument))
            .WithResponseHeader("Location", "The saga.")
            .WithIdempotencyBesideId()
            .WithErrors([.. Writes, ErrorCode.SagaDefinitionNotFound, ErrorCode.IdempotencyMismatch]);

    private static void MapList(this IEndpointRouteBuilder routes, RequestDelegate list) =>
        routes.Map("GET", Root, list).Described().WithName("listSagas")
            .WithSummary("Lists sagas, in no order. None is left out; one that ends between two pages may be on both.")
            .WithQuery("status", "Only with one of these, separated by commas; stuck stands for both directions.")
            .WithQuery("definition", "Only of this definition.")
            .WithQuery(SagaRequest.StepParameter, "Only at this step.")
            .WithQuery("olderThan", "Only started longer ago: 15m, 1h, 7d.")
            .Paged()
            .WithAnswer(StatusCodes.Status200OK, "A page.", typeof(SagaPageDocument))
            .WithErrors(Reads);

    private static void MapGet(this IEndpointRouteBuilder routes, RequestDelegate find) =>
        routes.Map("GET", One, find).Described().OfSaga().WithName("getSaga")
            .WithSummary("A saga as it is now, or as soon as it has ended.")
            .WithQuery(SagaRequest.WaitParameter, "Answer when it has ended, or after this time: 0s to 60s.")
            .WithAnswer(StatusCodes.Status200OK, "The saga.", typeof(SagaDocument))
            .WithErrors([.. Reads, ErrorCode.SagaNotFound]);

    private static void MapHistory(this IEndpointRouteBuilder routes, RequestDelegate history) =>
        routes.Map("GET", $"{One}/history", history).Described().OfSaga().WithName("getSagaHistory")
            .WithSummary("What happened to a saga, in order: its log.")
            .WithQuery(SagaRequest.FromParameter, "Sequence number of the first event wanted; 0 by default.", JsonSchemaType.Integer)
            .WithQuery(SagaRequest.LimitParameter, "Most events, 1 to 1000; 1000 by default.", JsonSchemaType.Integer)
            .WithQuery(SagaRequest.WaitParameter, "Where there is nothing from there on yet: wait so long for it, 0s to 60s.")
            .WithAnswer(StatusCodes.Status200OK, "The events.", typeof(SagaHistoryDocument))
            .WithErrors([.. Reads, ErrorCode.SagaNotFound]);

    private static void MapEvents(this IEndpointRouteBuilder routes, RequestDelegate events) =>
        routes.Map("GET", $"{One}/events", events).Described().OfSaga().WithName("followSaga")
            .WithSummary("The same as a stream that ends with the saga.")
            .WithQuery(SagaRequest.FromParameter, "Sequence number of the first event wanted; 0 by default.", JsonSchemaType.Integer)
            .WithHeader(WatchRequest.LastEventIdHeader, "The id of the last event that arrived; counts instead of from.")
            .WithAnswer(
                StatusCodes.Status200OK,
                "Server-sent events: the event is the name, data the event as in the history, id its sequence number. A comment comes every 4 s when nothing else does.",
                typeof(SagaEventDocument),
                EventStream.MediaType)
            .WithAnswer(StatusCodes.Status204NoContent, "The saga has ended, and nothing comes after the place that was named.")
            .WithErrors([.. Reads, ErrorCode.SagaNotFound]);

    private static void MapActions(this IEndpointRouteBuilder routes, Operations operations, SagaActionsApi actions)
    {
        routes.MapAction(operations, actions, "cancel", SagaCommandKind.Cancel, needsReason: false, "cancelSaga", "Turns a saga back: every effect is undone. Until its pivot; to ask for it twice is no failure.");
        routes.MapAction(operations, actions, "pause", SagaCommandKind.Pause, needsReason: false, "pauseSaga", "Begins nothing new; what is under way goes on.");
        routes.MapAction(operations, actions, "resume", SagaCommandKind.Resume, needsReason: false, "resumeSaga", "Goes on after a pause.");
        routes.MapAction(operations, actions, "close", SagaCommandKind.Close, needsReason: true, "closeSaga", "Ends a saga as it is: somebody has taken care of the rest. What is open is settled as undone at its services first.");
        routes.Map("POST", $"{One}/signals/{{name}}", operations.Endpoint("saga_signal", actions.SignalAsync)).Described().OfSaga().WithName("signalSaga")
            .WithSummary("Brings a signal, for which steps may wait. The first of a name counts.")
            .WithPath(SagaRequest.NameParameter, "Its name: 1 to 64 of A-Z a-z 0-9 . _ -.")
            .WithJsonBody(typeof(object), required: false)
            .Acted();
    }

    private static void MapStepActions(this IEndpointRouteBuilder routes, Operations operations, SagaActionsApi actions)
    {
        routes.MapStepAction(operations, actions, "retry", SagaCommandKind.Retry, "retrySagaStep", "Tries a step again, with a new budget.");
        routes.MapStepAction(operations, actions, "skip", SagaCommandKind.Skip, "skipSagaStep", "Takes a step for completed, with an output. A call of it that comes later has no effect. On the way back it is undone, since it may have had its effect before.");
        routes.MapStepAction(operations, actions, "mark-undone", SagaCommandKind.MarkUndone, "markSagaStepUndone", "Takes a step for undone. A call of it that comes later has no effect.");
    }

    private static void MapAction(
        this IEndpointRouteBuilder routes, Operations operations, SagaActionsApi actions, string path, SagaCommandKind kind, bool needsReason, string name, string summary) =>
        routes.Map("POST", $"{One}/{path}", operations.Endpoint($"saga_{path}", actions.Act(kind, ofStep: false, needsReason))).Described().OfSaga().WithName(name)
            .WithSummary(summary)
            .WithJsonBody(typeof(SagaActionBody), required: needsReason)
            .Acted();

    private static void MapStepAction(
        this IEndpointRouteBuilder routes, Operations operations, SagaActionsApi actions, string path, SagaCommandKind kind, string name, string summary) =>
        routes.Map("POST", $"{Step}/{path}", operations.Endpoint($"saga_step_{path}", actions.Act(kind, ofStep: true, needsReason: true))).Described().OfSaga().WithName(name)
            .WithSummary(summary)
            .WithPath(SagaRequest.StepParameter, "Name of the step.")
            .WithJsonBody(typeof(SagaActionBody), required: true)
            .Acted();

    private static IEndpointConventionBuilder Map(this IEndpointRouteBuilder routes, string method, string pattern, RequestDelegate handler) =>
        routes.MapMethods(pattern, [method], handler).WithMetadata(handler.Method);

    private static IEndpointConventionBuilder Described(this IEndpointConventionBuilder builder) => builder
        .WithTags("Sagas")
        .WithHeader(KeyRequest.TimeoutHeader, "Budget of the operation: 500ms, 2s; 10s by default, 60s at most.");

    private static IEndpointConventionBuilder OfSaga(this IEndpointConventionBuilder builder) => builder.WithPath(SagaRequest.IdParameter, "The saga.");

    private static IEndpointConventionBuilder OfDefinition(this IEndpointConventionBuilder builder) => builder
        .WithPath(SagaRequest.NameParameter, "Name of the definition: 1 to 64 of A-Z a-z 0-9 . _ -.")
        .WithPath(SagaRequest.VersionParameter, "Its version, 1 or more.");

    private static IEndpointConventionBuilder Paged(this IEndpointConventionBuilder builder) => builder
        .WithQuery(SagaRequest.CursorParameter, "The cursor of the page before.")
        .WithQuery(SagaRequest.LimitParameter, "Most items, 1 to 1000; 100 by default.", JsonSchemaType.Integer);

    private static IEndpointConventionBuilder Acted(this IEndpointConventionBuilder builder) => builder
        .WithHeader(SagaRequest.ActorHeader, "Who does it; kept in the history.")
        .WithAnswer(StatusCodes.Status200OK, "It is durable; what it leads to goes on.", typeof(SagaDocument))
        .WithIdempotency()
        .WithErrors([.. Writes, ErrorCode.SagaNotFound, ErrorCode.SagaPastPivot, ErrorCode.SagaStateConflict]);
}
