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

namespace GrainDb.Api.Conflicts;

/// <summary>
/// What became of ended conflicts, for whoever has to judge whether the right value stands: accept it, or write another one over what stands now. Either way the
/// conflict is not listed any more.
/// </summary>
internal sealed class ConflictsApi(IEventualStore store, IKeyspaceDirectory directory, ApiOptions options, TimeProvider time)
{
    public const string KeyspaceParameter = "keyspace";
    public const string CursorParameter = "cursor";
    public const string LimitParameter = "limit";
    public const string IdParameter = "id";
    public const int DefaultLimit = 100;
    public const int MaxLimit = 1000;

    /// <summary>Conflicts that ended at one timestamp, of which the right one is looked for.</summary>
    private const int SearchLimit = 100;

    public async ValueTask<Failure?> ListAsync(HttpContext context)
    {
        var query = QueryParameters.Read(context, KeyspaceParameter, CursorParameter, LimitParameter);
        var timeout = KeyRequest.ReadTimeout(context.Request.Headers);
        var keyspace = await RequireEventualAsync(KeyAddress.CheckKeyspace(query.Required(KeyspaceParameter)), timeout, context.RequestAborted);
        var after = query.Text(CursorParameter) is { } cursor ? ConflictCursor.Parse(cursor, keyspace.Name) : null;
        var limit = query.Integer(LimitParameter, DefaultLimit, 1, MaxLimit);
        var page = await store.ListConflictsAsync(keyspace.Name, after, limit, timeout, context.RequestAborted);
        if (page.Failure is not null)
            return page.Failure;
        await ConflictAnswers.WriteAsync(context, keyspace.Name, EventualRequest.IsCrdt(keyspace), page);
        return null;
    }

    public async ValueTask<Failure?> ResolveAsync(HttpContext context)
    {
        var query = QueryParameters.Read(context, Consistency.Parameter);
        var headers = context.Request.Headers;
        var timeout = KeyRequest.ReadTimeout(headers);
        var started = time.GetTimestamp();
        var idempotencyKey = IdempotencyKey.Read(headers);
        var text = (string)context.Request.RouteValues[IdParameter]!;
        var id = ConflictId.Parse(text);
        var keyspace = await RequireEventualAsync(id.Keyspace, timeout, context.RequestAborted);
        var level = EventualLevels.Of(headers, query, keyspace, write: true);
        var bytes = await JsonBody.ReadBytesAsync(context, options.MaxRequestBytes);
        var body = JsonBody.Parse(bytes, ApiJson.Default.ResolveBody);
        body.CheckShape();

        ResolvedWrite? written = null;
        if (await BindAsync(body, id, keyspace, Left(), context.RequestAborted) is { } write)
        {
            // What it takes the place of is decided when it is carried out: a repetition is the same request whatever it then sees.
            var stamp = RequestHash.Stamp(idempotencyKey, "POST /v1/conflicts/resolve", text, bytes);
            var seen = await store.ReadAsync(keyspace.Name, id.Key, EventualLevel.Quorum, Left(), context.RequestAborted);
            if (seen.Failure is not null)
                return seen.Failure;
            var result = await store.WriteAsync(
                keyspace.Name, write with { Context = seen.State.IsEmpty ? default : seen.Context }, level, stamp, Left(), context.RequestAborted);
            EventualHeaders.SetWritten(context.Response.Headers, result);
            if (result.Failure is not null)
                return result.Failure;
            written = new(result.Version.ToString(), DotText.Format(result.Dot), ContextText.Format(result.Context));
        }

        var dismissal = await store.DismissConflictAsync(keyspace.Name, id.Key, id.Position.Winner, Left(), context.RequestAborted);
        if (dismissal.Failure is not null && written is null)
            return dismissal.Failure;
        await context.Response.WriteAsJsonAsync(
            new ResolvedConflict
            {
                Written = written,
                Dismissed = dismissal is { Failure: null, Found: true },
                Missing = dismissal.Missing,
                Detail = dismissal.Failure?.Detail,
            },
            context.RequestAborted);
        return null;

        TimeSpan Left() => timeout - time.GetElapsedTime(started) is { Ticks: > 0 } left ? left : KeyRequest.MinTimeout;
    }

    private async ValueTask<KeyspaceDescriptor> RequireEventualAsync(string name, TimeSpan timeout, CancellationToken cancellationToken)
    {
        var keyspace = await directory.RequireAsync(name, timeout, cancellationToken);
        return keyspace.Family == KeyspaceFamily.Eventual
            ? keyspace
            : throw BadInput.Unsupported($"The keyspace '{name}' is strong: its writes have an order, and never conflict.");
    }

    /// <summary>What the decision writes; null when it accepts what stands.</summary>
    private async ValueTask<EventualWrite?> BindAsync(ResolveBody body, ConflictId id, KeyspaceDescriptor keyspace, TimeSpan timeout, CancellationToken cancellationToken)
    {
        if (body.Accept is true)
            return null;
        if (body.Delete is true)
            return new EventualWrite { Key = id.Key, Kind = EventualWriteKind.Delete };
        if (body.Keep is { } keep)
            return await KeepAsync(keep, id, keyspace, timeout, cancellationToken);
        if (EventualRequest.IsCrdt(keyspace))
            throw BadInput.Unsupported($"Keys of '{keyspace.Name}' hold a data type ({KeyspaceFinder.NameOf(keyspace.Conflict)}): keep a loser, accept, or use POST /v1/crdt/{keyspace.Name}/{{key}}.");
        var (value, contentType) = JsonOperands.Stored(body.Value, body.Json, body.Value64, body.ContentType, Math.Min(options.MaxValueBytes, EventualLimits.MaxValueBytes));
        return new EventualWrite { Key = id.Key, Kind = EventualWriteKind.Put, Value = value, ContentType = contentType };
    }

    private async ValueTask<EventualWrite?> KeepAsync(string keep, ConflictId id, KeyspaceDescriptor keyspace, TimeSpan timeout, CancellationToken cancellationToken)
    {
        if (!DotText.TryParse(keep, out var dot))
            throw BadInput.Request($"The JSON body is wrong at $.keep: '{QueryParameters.Shorten(keep)}' is no dot; a loser's is 32 hex digits, a dash and a number.");
        if (dot == id.Position.Winner)
            return null;
        var losers = await FindLosersAsync(dot, id, timeout, cancellationToken);
        if (EventualRequest.IsCrdt(keyspace))
            return new EventualWrite { Key = id.Key, Kind = EventualWriteKind.Operate, Operation = new(CrdtAction.Set, 0, [.. losers.Select(loser => new CrdtField(loser.Field, loser.Value))]) };
        return losers[0] is { Deleted: false } value
            ? new EventualWrite { Key = id.Key, Kind = EventualWriteKind.Put, Value = value.Value, ContentType = value.ContentType }
            : new EventualWrite { Key = id.Key, Kind = EventualWriteKind.Delete };
    }

    /// <summary>Reads the list from where the conflict stands in it; several may have ended at the same timestamp.</summary>
    /// <returns>What the write lost: one value, or every field of a map in which it did.</returns>
    private async ValueTask<List<ConflictLoser>> FindLosersAsync(Dot dot, ConflictId id, TimeSpan timeout, CancellationToken cancellationToken)
    {
        var after = new ConflictPosition(id.Position.At.Next, default);
        var page = await store.ListConflictsAsync(id.Keyspace, after, SearchLimit, timeout, cancellationToken);
        if (page.Failure is { } failure)
            throw new GrainDbException(failure);
        var conflicts = page.Conflicts.Where(conflict => conflict.Winner == id.Position.Winner && conflict.Key.Span.SequenceEqual(id.Key.Span)).ToList();
        if (conflicts.Count == 0)
            throw BadInput.Of(ErrorCode.ConflictNotFound, "The conflict is not listed any more, and with it the values that lost: it was resolved, or newer ones pushed it out. Decide with value, json or value64.");
        var losers = conflicts.SelectMany(conflict => conflict.Losers).Where(loser => loser.Dot == dot).ToList();
        return losers.Count > 0
            ? losers
            : throw BadInput.Request($"The JSON body is wrong at $.keep: '{DotText.Format(dot)}' is neither the winner nor a loser of this conflict.");
    }
}
