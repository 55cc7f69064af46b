using GrainDb.Api.Errors;
using GrainDb.Api.Eventual;
using GrainDb.Api.Idempotency;
using GrainDb.Api.Keyspaces;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Keyspaces;
using GrainDb.Interfaces.Nodes;
using GrainDb.Interfaces.Ranges;
using Microsoft.AspNetCore.Http;

namespace GrainDb.Api.Keys;

/// <summary>Put, get and delete of one key: bind, call, translate. How the rest of a request is read, and who carries it out, depends on the family of its keyspace.</summary>
internal sealed class KeysApi(IKeyValueStore store, EventualKeysApi eventual, IKeyspaceDirectory directory, IClusterView cluster, ApiOptions options, TimeProvider time)
{
    public const string AsOfParameter = "asOf";

    public async ValueTask<Failure?> PutAsync(HttpContext context)
    {
        var address = KeyAddress.Read(
            context, write: true, KeyRequest.Key64Parameter, KeyWrites.TimeToLiveParameter, Consistency.Parameter, KeyRequest.ExplainParameter);
        var keyspace = await FindAsync(context, address);
        if (keyspace.Family == KeyspaceFamily.Eventual)
            return await eventual.PutAsync(context, address, keyspace);
        var request = KeyRequest.Of(context, address, write: true);
        var write = await KeyWrites.ReadPutAsync(context, request, options.MaxValueBytes);
        var result = await WriteAsync(context, request, write);
        if (result.Failure is not null)
            return result.Failure;

        var response = context.Response;
        response.StatusCode = StatusOfPut(result);
        response.Headers.ETag = EntityTags.Format(result.Version);
        KeyHeaders.SetWritten(response.Headers, result, request.Session);
        if (request.Explain)
            await response.WriteAsJsonAsync(WriteExplanation.Of(request.Level, result), context.RequestAborted);
        else
            response.ContentLength = 0;
        return null;
    }

    public async ValueTask<Failure?> DeleteAsync(HttpContext context)
    {
        var address = KeyAddress.Read(context, write: true, KeyRequest.Key64Parameter, Consistency.Parameter, KeyRequest.ExplainParameter);
        var keyspace = await FindAsync(context, address);
        if (keyspace.Family == KeyspaceFamily.Eventual)
            return await eventual.DeleteAsync(context, address, keyspace);
        var request = KeyRequest.Of(context, address, write: true);
        request.RefuseExplain();
        var write = KeyWrites.ReadDelete(context, request);
        var result = await WriteAsync(context, request, write);
        if (result.Failure is not null)
            return result.Failure;

        context.Response.StatusCode = StatusCodes.Status204NoContent;
        KeyHeaders.SetWritten(context.Response.Headers, result, request.Session);
        return null;
    }

    /// <summary>GET and HEAD of a key; the caller has made sure that the request names one.</summary>
    public async ValueTask<Failure?> GetAsync(HttpContext context)
    {
        var address = KeyAddress.Read(context, write: false, KeyRequest.Key64Parameter, AsOfParameter, Consistency.Parameter, KeyRequest.ExplainParameter);
        var keyspace = await FindAsync(context, address);
        if (keyspace.Family == KeyspaceFamily.Eventual)
            return await eventual.GetAsync(context, address, keyspace);
        var request = KeyRequest.Of(context, address, write: false);
        var key = request.RequireKey();
        var precondition = EntityTags.ReadPrecondition(context.Request.Headers);
        var asOf = AsOf.Parse(request.Query.Text(AsOfParameter), time);
        if (request.Explain)
            return await ExplainAsync(context, request, key, asOf, precondition);

        var result = await store.ReadAsync(request.Keyspace, key, asOf, request.Consistency, request.Timeout, context.RequestAborted);
        if (result.Failure is not null)
            return result.Failure;

        KeyHeaders.SetRead(context.Response.Headers, result.ReadTimestamp, result.Staleness, result.ServedBy, request.Session);
        return await KeyAnswers.WriteAsync(context, result, precondition, asOf);
    }

    private ValueTask<KeyspaceDescriptor> FindAsync(HttpContext context, KeyAddress address) =>
        directory.RequireAsync(address.Keyspace, KeyRequest.ReadTimeout(context.Request.Headers), context.RequestAborted);

    private ValueTask<WriteResult> WriteAsync(HttpContext context, KeyRequest request, KeyWrite write)
    {
        var stamp = RequestHash.Stamp(request.IdempotencyKey, request.Keyspace, write);
        return store.WriteAsync(request.Keyspace, write, new WriteOptions(request.Level, stamp), request.Timeout, context.RequestAborted);
    }

    /// <summary>
    /// The same read, answered with how it came about. The explanation is no representation of the value: it has neither its
    /// ETag nor its conditions, and a key that does not exist is an answer.
    /// </summary>
    private async ValueTask<Failure?> ExplainAsync(HttpContext context, KeyRequest request, byte[] key, Timestamp asOf, ReadPrecondition? precondition)
    {
        if (HttpMethods.IsHead(context.Request.Method))
            request.RefuseExplain();
        if (precondition is not null)
            throw BadInput.Request("explain=true excludes If-Match and If-None-Match on GET.");
        var started = time.GetTimestamp();
        var result = await store.ReadAsync(request.Keyspace, key, asOf, request.Consistency, request.Timeout, context.RequestAborted);
        if (result.Failure is not null)
            return result.Failure;

        var (range, unknown) = await AskReplicasAsync(result.ServedBy, request.Timeout - time.GetElapsedTime(started), context.RequestAborted);
        KeyHeaders.SetRead(context.Response.Headers, result.ReadTimestamp, result.Staleness, result.ServedBy, request.Session);
        context.Response.Headers.CacheControl = "no-store";
        await context.Response.WriteAsJsonAsync(ReadExplanation.Of(request.Consistency.Level, result, range, unknown), context.RequestAborted);
        return null;
    }

    /// <summary>The read is what it is, whether or not its replicas can be asked: when they cannot, the explanation says so.</summary>
    private async Task<(RangeStatus? Range, string? Unknown)> AskReplicasAsync(ServedBy? servedBy, TimeSpan left, CancellationToken cancellationToken)
    {
        if (servedBy is null)
            return (null, "The answer does not name its range.");
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        deadline.CancelAfter(left > TimeSpan.Zero ? left : TimeSpan.Zero);
        try
        {
            return (await cluster.GetRangeAsync(servedBy.Range, deadline.Token), null);
        }
        catch (GrainDbException exception)
        {
            return (null, exception.Failure.Detail);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return (null, "The replicas did not answer in time.");
        }
    }

    public static int StatusOfPut(WriteResult result) => result.Existed ? StatusCodes.Status200OK : StatusCodes.Status201Created;
}
