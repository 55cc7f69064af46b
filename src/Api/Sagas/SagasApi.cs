using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using GrainDb.Api.Errors;
using GrainDb.Api.Idempotency;
using GrainDb.Api.Keys;
using GrainDb.Api.Requests;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Sagas;
using Microsoft.AspNetCore.Http;

namespace GrainDb.Api.Sagas;

/// <summary>Starts sagas and shows them.</summary>
internal sealed class SagasApi(ISagaStore sagas, ApiOptions options, TimeProvider time)
{
    private const int DefaultLimit = 100;

    /// <summary>What is stuck, whichever way it goes.</summary>
    private const string Stuck = "stuck";

    private static readonly JsonElement NoInput = JsonElement.Parse("null"u8);

    public async ValueTask<Failure?> StartAsync(HttpContext context)
    {
        QueryParameters.Read(context);
        var headers = context.Request.Headers;
        var key = IdempotencyKey.Read(headers);
        var body = JsonBody.Parse(await SagaRequest.ReadBodyAsync(context, options.MaxRequestBytes, isRequired: true), ApiJson.Default.SagaStartBody);
        if (body.Definition is null)
            throw BadInput.Request("\"definition\" is missing: the name of a definition.");
        if (body.Version is < 1)
            throw BadInput.Request($"\"version\" is {body.Version}; it must be 1 or more.");
        var id = body.Id ?? (key is null ? Guid.CreateVersion7(time.GetUtcNow()).ToString("N") : IdOf(key));
        var input = Encoding.UTF8.GetBytes((body.Input ?? NoInput).GetRawText());
        var answer = await sagas.StartAsync(new SagaStart(id, body.Definition, body.Version, input), KeyRequest.ReadTimeout(headers), context.RequestAborted);
        if (answer.Failure is not null)
            return answer.Failure;
        context.Response.StatusCode = StatusCodes.Status202Accepted;
        context.Response.Headers.Location = $"/v1/sagas/{id}";
        IdempotencyKey.SetReplay(context.Response.Headers, answer.IsRepeated);
        await context.Response.WriteAsJsonAsync(SagaDocument.Of(answer.Saga!), context.RequestAborted);
        return null;
    }

    public async ValueTask<Failure?> GetAsync(HttpContext context)
    {
        var wait = SagaRequest.ReadWait(QueryParameters.Read(context, SagaRequest.WaitParameter));
        var answer = await sagas.FindAsync(SagaRequest.Route(context, SagaRequest.IdParameter), wait, KeyRequest.ReadTimeout(context.Request.Headers), context.RequestAborted);
        if (answer.Failure is not null)
            return answer.Failure;
        context.Response.Headers.CacheControl = "no-store";
        await context.Response.WriteAsJsonAsync(SagaDocument.Of(answer.Saga!), context.RequestAborted);
        return null;
    }

    public async ValueTask<Failure?> ListAsync(HttpContext context)
    {
        var query = QueryParameters.Read(context, "status", "definition", SagaRequest.StepParameter, "olderThan", SagaRequest.CursorParameter, SagaRequest.LimitParameter);
        var page = await sagas.ListAsync(
            new SagaQuery
            {
                Statuses = [.. (query.Text("status")?.Split(',') ?? []).SelectMany(status => status == Stuck ? ["stuckForward", "stuckBackward"] : new[] { status })],
                Definition = query.Text("definition"),
                Step = query.Text(SagaRequest.StepParameter),
                StartedBefore = ReadAge(query) is { } age ? time.GetUtcNow() - age : null,
                Cursor = query.Text(SagaRequest.CursorParameter),
                Limit = query.Integer(SagaRequest.LimitParameter, DefaultLimit, 1, SagaQuery.MaxLimit),
            },
            KeyRequest.ReadTimeout(context.Request.Headers),
            context.RequestAborted);
        if (page.Failure is not null)
            return page.Failure;
        context.Response.Headers.CacheControl = "no-store";
        await context.Response.WriteAsJsonAsync(new SagaPageDocument([.. page.Items.Select(SagaRowDocument.Of)], page.Cursor), context.RequestAborted);
        return null;
    }

    public async ValueTask<Failure?> HistoryAsync(HttpContext context)
    {
        var query = QueryParameters.Read(context, SagaRequest.FromParameter, SagaRequest.LimitParameter, SagaRequest.WaitParameter);
        var history = await sagas.HistoryAsync(
            SagaRequest.Route(context, SagaRequest.IdParameter),
            query.Integer(SagaRequest.FromParameter, 0, 0, int.MaxValue),
            query.Integer(SagaRequest.LimitParameter, SagaQuery.MaxLimit, 1, SagaQuery.MaxLimit),
            SagaRequest.ReadWait(query),
            KeyRequest.ReadTimeout(context.Request.Headers),
            context.RequestAborted);
        if (history.Failure is not null)
            return history.Failure;
        context.Response.ContentType = "application/json";
        context.Response.Headers.CacheControl = "no-store";
        await using var writer = new PacedJsonWriter(context);
        writer.Json.WriteStartObject();
        writer.Json.WriteStartArray("events"u8);
        foreach (var row in history.Rows)
        {
            SagaJsonWriter.WriteRow(writer.Json, row);
            await writer.PaceAsync();
        }

        writer.Json.WriteEndArray();
        writer.Json.WriteNumber("next"u8, history.Next);
        writer.Json.WriteBoolean("complete"u8, history.IsComplete);
        writer.Json.WriteEndObject();
        await writer.FlushAsync();
        return null;
    }

    /// <summary>The id of a saga that is started with a key and no id: the same for each repetition, so that the id makes the repetition one.</summary>
    private static string IdOf(string key) => $"key-{Convert.ToHexStringLower(SHA256.HashData(Encoding.ASCII.GetBytes(key)).AsSpan(0, 16))}";

    private static TimeSpan? ReadAge(QueryParameters query)
    {
        if (query.Text("olderThan") is not { } text)
            return null;
        return Duration.TryParse(text, out var age) && age <= TimeSpan.FromDays(3650)
            ? age
            : throw BadInput.Request($"olderThan is '{QueryParameters.Shorten(text)}'; it must be {Duration.Syntax}, at most 3650d.");
    }
}
