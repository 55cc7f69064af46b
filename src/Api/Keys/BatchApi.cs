using System.Globalization;
using System.Text.Json;
using GrainDb.Api.Errors;
using GrainDb.Api.Eventual;
using GrainDb.Api.Idempotency;
using GrainDb.Api.Requests;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Eventual;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Keyspaces;
using Microsoft.AspNetCore.Http;

namespace GrainDb.Api.Keys;

/// <summary>
/// Many operations in one request, not atomic. The answer is 200 with one result per operation, each with the status that the
/// single request would have had.
/// </summary>
internal sealed class BatchApi(IKeyValueStore store, IEventualStore eventual, IEventualStates states, IKeyspaceDirectory directory, ApiOptions options, TimeProvider time)
{
    private readonly BatchBinder _binder = new(directory, states, options, time);

    public async ValueTask<Failure?> PostAsync(HttpContext context)
    {
        var headers = context.Request.Headers;
        QueryParameters.Read(context);
        KeyRequest.RefuseWhatIsNotOffered(headers);
        var idempotencyKey = IdempotencyKey.Read(headers);
        var timeout = KeyRequest.ReadTimeout(headers);
        var session = SessionToken.Parse(Headers.Single(headers, KeyRequest.SessionHeader));
        if (Headers.Single(headers, Consistency.Header) is not null)
            throw BadInput.Request($"{Consistency.Header} is not offered on batches: on strong keyspaces reads are linearizable and writes quorum, on eventual ones both are quorum.");

        var body = await JsonBody.ReadBytesAsync(context, options.MaxRequestBytes);
        var operations = Check(JsonBody.Parse(body, ApiJson.Default.BatchBody));
        var started = time.GetTimestamp();
        var steps = await _binder.BindAsync(operations, timeout, context.RequestAborted);
        if (idempotencyKey is not null)
            SetStamps(steps, idempotencyKey, body);
        var results = await new BatchRunner(store, eventual, states, steps, timeout - time.GetElapsedTime(started), context.RequestAborted).RunAsync();
        context.RequestAborted.ThrowIfCancellationRequested();
        await WriteAsync(context, steps, results, session);
        return null;
    }

    private static List<BatchOperation> Check(BatchBody body)
    {
        if (body.Ops is not { } operations)
            throw BadInput.Request("The JSON body is wrong at $: ops is missing.");
        if (operations.Count > KeyLimits.MaxBatchOperations)
            throw BadInput.Of(ErrorCode.RequestTooLarge, $"The batch has {operations.Count} operations; the limit is {KeyLimits.MaxBatchOperations}.");
        for (var i = 0; i < operations.Count; i++)
            BatchStep.CheckShape(operations[i], i);
        return operations!;
    }

    /// <summary>Each write has a key of its own, and the hash of the whole batch: with another body none of its operations is a repetition.</summary>
    private static void SetStamps(List<BatchStep> steps, string key, byte[] body)
    {
        for (var i = 0; i < steps.Count; i++)
        {
            if (steps[i].IsWrite)
                steps[i] = steps[i] with { Idempotency = RequestHash.Stamp(IdempotencyKey.OfStep(key, i), "POST /v1/batch", i.ToString(CultureInfo.InvariantCulture), body) };
        }
    }

    private static async Task WriteAsync(HttpContext context, List<BatchStep> steps, BatchResult[] results, Timestamp session)
    {
        foreach (var result in results)
            session = Timestamp.Later(session, result.Write?.Version ?? result.Read?.ReadTimestamp ?? Timestamp.Zero);
        KeyHeaders.SetServed(context.Response.Headers, servedBy: null, session);
        var repeated = results.Select(result => result.Write?.IsRepeated ?? result.EventualWrite?.IsRepeated).Where(repeated => repeated is not null).ToList();
        IdempotencyKey.SetReplay(context.Response.Headers, repeated.Count > 0 && repeated.TrueForAll(each => each is true));
        context.Response.ContentType = "application/json";

        await using var writer = new PacedJsonWriter(context);
        writer.Json.WriteStartObject();
        writer.Json.WriteStartArray("results"u8);
        for (var i = 0; i < results.Length; i++)
        {
            WriteResult(writer.Json, steps[i], results[i]);
            await writer.PaceAsync();
        }

        writer.Json.WriteEndArray();
        writer.Json.WriteEndObject();
        await writer.FlushAsync();
    }

    private static void WriteResult(Utf8JsonWriter writer, BatchStep step, BatchResult result)
    {
        writer.WriteStartObject();
        if (result.Failure is { } failure)
        {
            var normal = ProblemMapper.Normalize(failure);
            writer.WriteNumber("status"u8, ErrorTable.Of(normal.Code).Status);
            ProblemMapper.WriteMembers(writer, normal);
        }
        else if (result.Write is { } written)
        {
            writer.WriteNumber("status"u8, step.Write!.Kind == WriteKind.Put ? KeysApi.StatusOfPut(written) : StatusCodes.Status204NoContent);
            writer.WriteString("version"u8, written.Version.ToString());
            if (written.IsRepeated)
                writer.WriteBoolean("replay"u8, value: true);
        }
        else if (result.EventualWrite is { } merged)
        {
            writer.WriteNumber("status"u8, step.IsPut ? EventualKeysApi.StatusOfPut(merged) : StatusCodes.Status204NoContent);
            writer.WriteString("version"u8, merged.Version.ToString());
            if (merged.IsRepeated)
                writer.WriteBoolean("replay"u8, value: true);
            writer.WriteString("context"u8, ContextText.Format(merged.Context));
        }
        else if (result.EventualRead is var (found, content))
        {
            writer.WriteNumber("status"u8, EventualAnswers.StatusOf(content));
            EventualAnswers.WriteMembers(writer, content, found.Context);
        }
        else
        {
            var read = result.Read!;
            writer.WriteNumber("status"u8, StatusCodes.Status200OK);
            writer.WriteString("version"u8, read.Version.ToString());
            writer.WriteString("contentType"u8, MediaType.ToServe(read.ContentType));
            JsonValues.WriteValue(writer, read.ContentType, read.Value.Span);
        }

        writer.WriteEndObject();
    }
}
