using GrainDb.Api.Errors;
using GrainDb.Api.Idempotency;
using GrainDb.Api.Keys;
using GrainDb.Api.Requests;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Sagas;
using Microsoft.AspNetCore.Http;

namespace GrainDb.Api.Sagas;

/// <summary>Stores definitions of sagas and shows them.</summary>
internal sealed class SagaDefinitionsApi(ISagaStore sagas, ApiOptions options)
{
    private const int DefaultLimit = 100;

    public async ValueTask<Failure?> PutAsync(HttpContext context)
    {
        QueryParameters.Read(context);
        var (name, version) = (SagaRequest.Route(context, SagaRequest.NameParameter), SagaRequest.ReadVersion(context));
        var headers = context.Request.Headers;
        var key = IdempotencyKey.Read(headers);
        var body = await SagaRequest.ReadBodyAsync(context, options.MaxRequestBytes, isRequired: true);
        if (body.Length == 0)
            throw BadInput.Request("The body is empty; it must be a JSON object with \"steps\".");
        var stamp = RequestHash.Stamp(key, "PUT /v1/saga-definitions", $"{name}/{version}", body);
        var answer = await sagas.PutDefinitionAsync(name, version, body, stamp, KeyRequest.ReadTimeout(headers), context.RequestAborted);
        if (answer.Failure is not null)
            return answer.Failure;
        IdempotencyKey.SetReplay(context.Response.Headers, answer.IsRepeated);
        if (answer.IsNew)
        {
            context.Response.StatusCode = StatusCodes.Status201Created;
            context.Response.Headers.Location = $"/v1/saga-definitions/{name}/{version}";
        }

        await WriteAsync(context, answer.Definition!);
        return null;
    }

    public async ValueTask<Failure?> GetAsync(HttpContext context)
    {
        QueryParameters.Read(context);
        var (name, version) = (SagaRequest.Route(context, SagaRequest.NameParameter), SagaRequest.ReadVersion(context));
        var answer = await sagas.FindDefinitionAsync(name, version, KeyRequest.ReadTimeout(context.Request.Headers), context.RequestAborted);
        if (answer.Failure is not null)
            return answer.Failure;
        await WriteAsync(context, answer.Definition!);
        return null;
    }

    public async ValueTask<Failure?> ListAsync(HttpContext context)
    {
        var query = QueryParameters.Read(context, SagaRequest.CursorParameter, SagaRequest.LimitParameter);
        var page = await sagas.ListDefinitionsAsync(
            query.Text(SagaRequest.CursorParameter),
            query.Integer(SagaRequest.LimitParameter, DefaultLimit, 1, SagaQuery.MaxLimit),
            KeyRequest.ReadTimeout(context.Request.Headers),
            context.RequestAborted);
        if (page.Failure is not null)
            return page.Failure;
        context.Response.ContentType = "application/json";
        await using var writer = new PacedJsonWriter(context);
        writer.Json.WriteStartObject();
        writer.Json.WriteStartArray("items"u8);
        foreach (var definition in page.Items)
        {
            SagaJsonWriter.WriteDefinition(writer.Json, definition);
            await writer.PaceAsync();
        }

        writer.Json.WriteEndArray();
        if (page.Cursor is not null)
            writer.Json.WriteString("cursor"u8, page.Cursor);
        writer.Json.WriteEndObject();
        await writer.FlushAsync();
        return null;
    }

    private static async Task WriteAsync(HttpContext context, StoredSagaDefinition definition)
    {
        context.Response.ContentType = "application/json";
        await using var writer = new PacedJsonWriter(context);
        SagaJsonWriter.WriteDefinition(writer.Json, definition);
        await writer.FlushAsync();
    }
}
