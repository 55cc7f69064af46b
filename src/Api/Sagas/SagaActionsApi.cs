using System.Text;
using GrainDb.Api.Errors;
using GrainDb.Api.Idempotency;
using GrainDb.Api.Keys;
using GrainDb.Api.Requests;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Sagas;
using Microsoft.AspNetCore.Http;

namespace GrainDb.Api.Sagas;

/// <summary>What can be done to a saga.</summary>
internal sealed class SagaActionsApi(ISagaStore sagas, ApiOptions options)
{
    /// <summary>Something that a person does.</summary>
    /// <param name="kind">What.</param>
    /// <param name="ofStep">Whether it is done to the step of the path.</param>
    /// <param name="needsReason">Whether it cannot be done without saying why.</param>
    public Operation Act(SagaCommandKind kind, bool ofStep, bool needsReason) => async context =>
    {
        QueryParameters.Read(context);
        var bytes = await SagaRequest.ReadBodyAsync(context, options.MaxRequestBytes, isRequired: false);
        var body = bytes.Length == 0 ? new SagaActionBody() : JsonBody.Parse(bytes, ApiJson.Default.SagaActionBody);
        if (needsReason && string.IsNullOrWhiteSpace(body.Reason))
            throw BadInput.Request("\"reason\" is missing: it is kept in the history, for whoever asks later.");
        if (body.Output is not null && kind != SagaCommandKind.Skip)
            throw BadInput.Request("\"output\" is only given when a step is skipped.");
        var target = ofStep ? SagaRequest.Route(context, SagaRequest.StepParameter) : null;
        var output = body.Output is { } given ? Encoding.UTF8.GetBytes(given.GetRawText()) : default;
        return await ActAsync(context, new SagaCommand(kind, target, ActorOf(context, body), body.Reason ?? "", output), bytes);
    };

    public async ValueTask<Failure?> SignalAsync(HttpContext context)
    {
        QueryParameters.Read(context);
        var payload = await SagaRequest.ReadBodyAsync(context, options.MaxRequestBytes, isRequired: false);
        return await ActAsync(
            context, new SagaCommand(SagaCommandKind.Signal, SagaRequest.Route(context, SagaRequest.NameParameter), ActorOf(context, null), "", payload), payload);
    }

    private static string ActorOf(HttpContext context, SagaActionBody? body)
    {
        var named = Headers.Single(context.Request.Headers, SagaRequest.ActorHeader);
        if (named is not null && body?.Actor is not null && named != body.Actor)
            throw BadInput.Request($"\"actor\" and the header {SagaRequest.ActorHeader} name different people.");
        return named ?? body?.Actor ?? SagaRequest.UnnamedActor;
    }

    private async ValueTask<Failure?> ActAsync(HttpContext context, SagaCommand command, byte[] body)
    {
        var id = SagaRequest.Route(context, SagaRequest.IdParameter);
        var headers = context.Request.Headers;
        var stamp = RequestHash.Stamp(IdempotencyKey.Read(headers), $"POST /v1/sagas/{command.Kind}", $"{id}/{command.Target}", body);
        var answer = await sagas.ActAsync(id, command, stamp, KeyRequest.ReadTimeout(headers), context.RequestAborted);
        if (answer.Failure is not null)
            return answer.Failure;
        IdempotencyKey.SetReplay(context.Response.Headers, answer.IsRepeated);
        await context.Response.WriteAsJsonAsync(SagaDocument.Of(answer.Saga!), context.RequestAborted);
        return null;
    }
}
