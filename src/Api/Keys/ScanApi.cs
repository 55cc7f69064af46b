using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Keys;
using Microsoft.AspNetCore.Http;

namespace GrainDb.Api.Keys;

/// <summary>A page of a scan.</summary>
internal sealed class ScanApi(IKeyValueStore store, TimeProvider time)
{
    private static readonly string[] Parameters = [.. ScanQueries.Parameters, KeysApi.AsOfParameter, Consistency.Parameter, KeyRequest.ExplainParameter];

    public async ValueTask<Failure?> ScanAsync(HttpContext context)
    {
        var request = KeyRequest.Read(context, write: false, Parameters);
        request.RefuseExplain();
        var query = ScanQueries.Read(request.Query, AsOf.Parse(request.Query.Text(KeysApi.AsOfParameter), time));
        var hash = ScanCursor.Hash(request.Keyspace, query);
        if (request.Query.Text(ScanQueries.CursorParameter) is { } text)
        {
            var cursor = ScanCursor.Parse(text, hash);
            query = query with { AsOf = cursor.ReadTimestamp, ResumeKey = cursor.ResumeKey };
        }

        var result = await store.ScanAsync(request.Keyspace, query, request.Consistency, request.Timeout, context.RequestAborted);
        if (result.Failure is not null)
            return result.Failure;

        var next = result.ResumeKey is { } resume ? new ScanCursor(hash, result.ReadTimestamp, resume).Format() : null;
        KeyHeaders.SetRead(context.Response.Headers, result.ReadTimestamp, result.Staleness, result.ServedBy, request.Session);
        await ScanAnswers.WriteAsync(context, result, next, query.KeysOnly);
        return null;
    }
}
