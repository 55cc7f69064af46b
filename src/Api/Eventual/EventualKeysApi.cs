using GrainDb.Api.Errors;
using GrainDb.Api.Idempotency;
using GrainDb.Api.Keys;
using GrainDb.Api.Requests;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Eventual;
using GrainDb.Interfaces.Keyspaces;
using Microsoft.AspNetCore.Http;

namespace GrainDb.Api.Eventual;

/// <summary>Put, get and delete of one key of an eventual keyspace. The routes are those of strong keyspaces, which leave it to this once the family is known.</summary>
internal sealed class EventualKeysApi(IEventualStore store, IEventualStates states, ApiOptions options)
{
    /// <summary>Largest value: that of the cluster, or that of the family.</summary>
    public int MaxValueBytes => Math.Min(options.MaxValueBytes, EventualLimits.MaxValueBytes);

    public async ValueTask<Failure?> PutAsync(HttpContext context, KeyAddress address, KeyspaceDescriptor keyspace)
    {
        var request = EventualRequest.Of(context, address, keyspace, states, write: true);
        request.RequireValues();
        var explain = request.Explain;
        var timeToLive = TimeToLive.Parse(request.Query.Text(KeyWrites.TimeToLiveParameter));
        var contentType = MediaType.Check(Headers.Single(context.Request.Headers.ContentType, "Content-Type"));
        var value = await BodyReader.ReadAsync(context, MaxValueBytes, ErrorCode.ValueTooLarge);
        var write = new EventualWrite
        {
            Key = request.Key,
            Kind = EventualWriteKind.Put,
            Value = value,
            ContentType = contentType,
            Context = request.Context,
            TimeToLive = timeToLive,
        };

        var result = await WriteAsync(context, request, write);
        if (result.Failure is not null)
            return result.Failure;
        var response = context.Response;
        response.StatusCode = StatusOfPut(result);
        response.Headers.ETag = EntityTags.Format(result.Version);
        if (explain)
            await response.WriteAsJsonAsync(EventualWriteExplanation.Of(request, result), context.RequestAborted);
        else
            response.ContentLength = 0;
        return null;
    }

    public async ValueTask<Failure?> DeleteAsync(HttpContext context, KeyAddress address, KeyspaceDescriptor keyspace)
    {
        var request = EventualRequest.Of(context, address, keyspace, states, write: true);
        if (request.Explain)
            throw BadInput.Request("explain=true is offered on GET and PUT of one key.");
        var result = await WriteAsync(context, request, new EventualWrite { Key = request.Key, Kind = EventualWriteKind.Delete, Context = request.Context });
        if (result.Failure is not null)
            return result.Failure;
        context.Response.StatusCode = StatusCodes.Status204NoContent;
        return null;
    }

    /// <summary>GET and HEAD.</summary>
    public async ValueTask<Failure?> GetAsync(HttpContext context, KeyAddress address, KeyspaceDescriptor keyspace)
    {
        await SocketThreadMiddleware.LeaveAsync(); // merging siblings may take its time, and opening a partition waits for the disk
        var request = EventualRequest.Of(context, address, keyspace, states, write: false);
        request.RequireValues();
        var explain = request.Explain;
        var precondition = EntityTags.ReadPrecondition(context.Request.Headers);
        if (explain && (precondition is not null || HttpMethods.IsHead(context.Request.Method)))
            throw BadInput.Request("explain=true is offered on GET without If-Match and If-None-Match.");

        var result = await store.ReadAsync(keyspace.Name, request.Key, request.Level, request.Timeout, context.RequestAborted);
        EventualHeaders.SetRead(context.Response.Headers, result);
        if (result.Failure is not null)
            return result.Failure;
        var content = states.Read(keyspace.Conflict, result.State, result.Now);
        if (!explain)
            return await EventualAnswers.WriteAsync(context, result, content, precondition);
        context.Response.Headers.CacheControl = "no-store";
        await context.Response.WriteAsJsonAsync(EventualReadExplanation.Of(request, result, content), context.RequestAborted);
        return null;
    }

    public static int StatusOfPut(EventualWriteResult result) => result.Existed ? StatusCodes.Status200OK : StatusCodes.Status201Created;

    private async ValueTask<EventualWriteResult> WriteAsync(HttpContext context, EventualRequest request, EventualWrite write)
    {
        var stamp = RequestHash.Stamp(request.IdempotencyKey, request.Keyspace.Name, write);
        var result = await store.WriteAsync(request.Keyspace.Name, write, request.Level, stamp, request.Timeout, context.RequestAborted);
        EventualHeaders.SetWritten(context.Response.Headers, result);
        return result;
    }
}
