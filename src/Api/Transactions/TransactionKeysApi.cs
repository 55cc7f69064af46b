using GrainDb.Api.Keys;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Keys;
using GrainDb.Interfaces.Transactions;
using Microsoft.AspNetCore.Http;

namespace GrainDb.Api.Transactions;

/// <summary>
/// What an interactive transaction reads and writes. Keys, conditions, media types and answers are those of the routes outside transactions;
/// the snapshot is the transaction's, and writes have no version before its commit.
/// </summary>
internal sealed class TransactionKeysApi(ITransactionStore transactions, ApiOptions options)
{
    public async ValueTask<Failure?> GetAsync(HttpContext context)
    {
        var request = Read(context, write: false, KeyRequest.Key64Parameter);
        var key = request.RequireKey();
        var precondition = EntityTags.ReadPrecondition(context.Request.Headers);
        var result = await transactions.ReadAsync(request.Transaction, request.Keyspace, key, request.Timeout, context.RequestAborted);
        if (result.Failure is not null)
            return result.Failure;
        KeyHeaders.SetSnapshot(context.Response.Headers, result.ReadTimestamp, result.ServedBy, request.Session);
        return await KeyAnswers.WriteAsync(context, result, precondition, result.ReadTimestamp);
    }

    public async ValueTask<Failure?> ScanAsync(HttpContext context)
    {
        var request = Read(context, write: false, ScanQueries.Parameters);
        var query = ScanQueries.Read(request.Query, asOf: Timestamp.Zero);
        // A cursor continues a scan of this transaction only: others do not see its writes.
        var hash = ScanCursor.Hash($"{request.Transaction}/{request.Keyspace}", query);
        if (request.Query.Text(ScanQueries.CursorParameter) is { } text)
            query = query with { ResumeKey = ScanCursor.Parse(text, hash).ResumeKey };

        var result = await transactions.ScanAsync(request.Transaction, request.Keyspace, query, request.Timeout, context.RequestAborted);
        if (result.Failure is not null)
            return result.Failure;
        var next = result.ResumeKey is { } resume ? new ScanCursor(hash, result.ReadTimestamp, resume).Format() : null;
        KeyHeaders.SetSnapshot(context.Response.Headers, result.ReadTimestamp, result.ServedBy, request.Session);
        await ScanAnswers.WriteAsync(context, result, next, query.KeysOnly);
        return null;
    }

    public async ValueTask<Failure?> PutAsync(HttpContext context)
    {
        var request = Read(context, write: true, KeyRequest.Key64Parameter, KeyWrites.TimeToLiveParameter);
        return await WriteAsync(context, request, await KeyWrites.ReadPutAsync(context, request, options.MaxValueBytes));
    }

    public ValueTask<Failure?> DeleteAsync(HttpContext context)
    {
        var request = Read(context, write: true, KeyRequest.Key64Parameter);
        return WriteAsync(context, request, KeyWrites.ReadDelete(context, request));
    }

    private async ValueTask<Failure?> WriteAsync(HttpContext context, KeyRequest request, KeyWrite write)
    {
        if (await transactions.WriteAsync(request.Transaction, request.Keyspace, write, request.Timeout, context.RequestAborted) is { } failure)
            return failure;
        context.Response.StatusCode = StatusCodes.Status204NoContent;
        return null;
    }

    private static KeyRequest Read(HttpContext context, bool write, params ReadOnlySpan<string> known)
    {
        TransactionRequest.RefuseConsistency(context.Request.Headers);
        return KeyRequest.Read(context, write, known);
    }
}
