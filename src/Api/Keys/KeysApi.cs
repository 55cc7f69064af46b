using GrainDb.Api.Requests;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Keys;
using Microsoft.AspNetCore.Http;

namespace GrainDb.Api.Keys;

/// <summary>Put, get and delete of one key: bind, call, translate.</summary>
internal sealed class KeysApi(IKeyValueStore store, ApiOptions options, TimeProvider time)
{
    public const string TimeToLiveParameter = "ttl";
    public const string AsOfParameter = "asOf";

    public async ValueTask<Failure?> PutAsync(HttpContext context)
    {
        var request = KeyRequest.Read(
            context, write: true, KeyRequest.Key64Parameter, TimeToLiveParameter, Consistency.Parameter, KeyRequest.ExplainParameter);
        var key = request.RequireKey();
        var condition = EntityTags.ReadWriteCondition(context.Request.Headers);
        var timeToLive = TimeToLive.Parse(request.Query.Text(TimeToLiveParameter));
        var contentType = MediaType.Check(Headers.Single(context.Request.Headers.ContentType, "Content-Type"));
        var value = await BodyReader.ReadAsync(context, options.MaxValueBytes, ErrorCode.ValueTooLarge);

        var write = new KeyWrite(key, WriteKind.Put, value, contentType, condition, timeToLive);
        var result = await store.WriteAsync(request.Keyspace, write, request.Timeout, context.RequestAborted);
        if (result.Failure is not null)
            return result.Failure;

        var response = context.Response;
        response.StatusCode = StatusOfPut(result);
        response.ContentLength = 0;
        response.Headers.ETag = EntityTags.Format(result.Version);
        KeyHeaders.SetWritten(response.Headers, result, request.Session);
        return null;
    }

    public async ValueTask<Failure?> DeleteAsync(HttpContext context)
    {
        var request = KeyRequest.Read(context, write: true, KeyRequest.Key64Parameter, Consistency.Parameter, KeyRequest.ExplainParameter);
        var key = request.RequireKey();
        var condition = EntityTags.ReadWriteCondition(context.Request.Headers);

        var write = new KeyWrite(key, WriteKind.Delete, ReadOnlyMemory<byte>.Empty, "", condition, TimeToLive: null);
        var result = await store.WriteAsync(request.Keyspace, write, request.Timeout, context.RequestAborted);
        if (result.Failure is not null)
            return result.Failure;

        context.Response.StatusCode = StatusCodes.Status204NoContent;
        KeyHeaders.SetWritten(context.Response.Headers, result, request.Session);
        return null;
    }

    /// <summary>GET and HEAD of a key; the caller has made sure that the request names one.</summary>
    public async ValueTask<Failure?> GetAsync(HttpContext context)
    {
        var request = KeyRequest.Read(context, write: false, KeyRequest.Key64Parameter, AsOfParameter, Consistency.Parameter, KeyRequest.ExplainParameter);
        var key = request.RequireKey();
        var precondition = EntityTags.ReadPrecondition(context.Request.Headers);
        var asOf = AsOf.Parse(request.Query.Text(AsOfParameter), time);

        var result = await store.ReadAsync(request.Keyspace, key, asOf, request.Timeout, context.RequestAborted);
        if (result.Failure is not null)
            return result.Failure;

        var response = context.Response;
        KeyHeaders.SetRead(response.Headers, result.ReadTimestamp, result.ServedBy, request.Session);
        if (precondition is not null && precondition.Refuses(result.Found ? result.Version : Timestamp.Zero))
            return Mismatch(result);
        if (!result.Found)
            return NotFound(asOf);

        response.Headers.ETag = EntityTags.Format(result.Version);
        if (precondition is not null && precondition.IsNotModified(result.Version))
        {
            response.StatusCode = StatusCodes.Status304NotModified;
            return null;
        }

        SetInert(response.Headers);
        response.ContentType = MediaType.ToServe(result.ContentType);
        response.ContentLength = result.Value.Length;
        if (!HttpMethods.IsHead(context.Request.Method))
            await response.BodyWriter.WriteAsync(result.Value, context.RequestAborted);
        return null;
    }

    public static int StatusOfPut(WriteResult result) => result.Existed ? StatusCodes.Status200OK : StatusCodes.Status201Created;

    public static Failure NotFound(Timestamp asOf) => Failure.NotApplied(
        ErrorCode.KeyNotFound,
        asOf.IsZero ? "The key does not exist." : $"The key does not exist at {asOf}.");

    private static Failure Mismatch(ReadResult result) => Failure.NotApplied(
        ErrorCode.VersionMismatch,
        result.Found ? $"If-Match does not name the version {result.Version} that is there." : "If-Match needs the key to exist, and it does not.") with
    {
        CurrentVersion = result.Found ? result.Version : Timestamp.Zero,
    };

    /// <summary>Stored bytes are shown under the service's own origin; a browser must not run them.</summary>
    private static void SetInert(IHeaderDictionary headers)
    {
        headers.XContentTypeOptions = "nosniff";
        headers.ContentSecurityPolicy = "sandbox; default-src 'none'";
    }
}
