using GrainDb.Api.Errors;
using GrainDb.Api.Eventual;
using GrainDb.Api.Idempotency;
using GrainDb.Api.Keys;
using GrainDb.Api.Keyspaces;
using GrainDb.Api.Requests;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Eventual;
using GrainDb.Interfaces.Keyspaces;
using Microsoft.AspNetCore.Http;

namespace GrainDb.Api.Crdts;

/// <summary>Operations on keys that hold a data type, and what they hold.</summary>
internal sealed class CrdtApi(IEventualStore store, IEventualStates states, IKeyspaceDirectory directory)
{
    /// <summary>Longest body: what a data type holds counts as one value, and JSON may write each of its bytes as six.</summary>
    private const int MaxBodyBytes = 8 * EventualLimits.MaxValueBytes;

    public async ValueTask<Failure?> PostAsync(HttpContext context)
    {
        var request = await ReadAsync(context, write: true);
        var body = await JsonBody.ReadAsync(context, ApiJson.Default.CrdtBody, MaxBodyBytes);
        var write = new EventualWrite
        {
            Key = request.Key,
            Kind = EventualWriteKind.Operate,
            Operation = CrdtBinder.Bind(body, request.Keyspace),
            Context = request.Context,
        };
        var stamp = RequestHash.Stamp(request.IdempotencyKey, request.Keyspace.Name, write);
        var result = await store.WriteAsync(request.Keyspace.Name, write, request.Level, stamp, request.Timeout, context.RequestAborted);
        EventualHeaders.SetWritten(context.Response.Headers, result);
        if (result.Failure is not null)
            return result.Failure;
        if (result.State.IsEmpty)
        {
            // A repetition, whose first answer's value nobody kept.
            context.Response.StatusCode = StatusCodes.Status204NoContent;
            return null;
        }

        await CrdtAnswers.WriteAsync(context, request.Keyspace.Conflict, states.Read(request.Keyspace.Conflict, result.State, result.Version), result.Context);
        return null;
    }

    public async ValueTask<Failure?> GetAsync(HttpContext context)
    {
        var request = await ReadAsync(context, write: false);
        if (context.Request.Headers.IfMatch.Count > 0 || context.Request.Headers.IfNoneMatch.Count > 0)
            throw BadInput.Unsupported("If-Match and If-None-Match are not offered on data types: what they hold is joined from several writes, and has no version of its own.");
        var result = await store.ReadAsync(request.Keyspace.Name, request.Key, request.Level, request.Timeout, context.RequestAborted);
        EventualHeaders.SetRead(context.Response.Headers, result);
        if (result.Failure is not null)
            return result.Failure;
        var content = states.Read(request.Keyspace.Conflict, result.State, result.Now);
        if (!content.Exists)
            return KeyAnswers.NotFound(Interfaces.Keys.Timestamp.Zero);
        await CrdtAnswers.WriteAsync(context, request.Keyspace.Conflict, content, result.Context);
        return null;
    }

    private async ValueTask<EventualRequest> ReadAsync(HttpContext context, bool write)
    {
        var address = KeyAddress.Read(context, write, KeyRequest.Key64Parameter, Consistency.Parameter);
        var keyspace = await directory.RequireAsync(address.Keyspace, KeyRequest.ReadTimeout(context.Request.Headers), context.RequestAborted);
        if (keyspace.Family != KeyspaceFamily.Eventual || !EventualRequest.IsCrdt(keyspace))
        {
            var what = keyspace.Family == KeyspaceFamily.Strong ? "is strong" : $"has the policy {KeyspaceFinder.NameOf(keyspace.Conflict)}";
            throw BadInput.Unsupported($"Keys of '{keyspace.Name}' hold values: it {what}. Data types are in eventual keyspaces with conflict crdt:counter, crdt:orset, crdt:lwwmap or crdt:register.");
        }

        return EventualRequest.Of(context, address, keyspace, states, write);
    }
}
