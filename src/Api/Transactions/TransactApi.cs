using GrainDb.Api.Idempotency;
using GrainDb.Api.Keys;
using GrainDb.Api.Requests;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Transactions;
using Microsoft.AspNetCore.Http;

namespace GrainDb.Api.Transactions;

/// <summary>A transaction in one request: checks, reads and writes of one state.</summary>
internal sealed class TransactApi(ITransactionStore transactions, ApiOptions options, TimeProvider time)
{
    private readonly TransactBinder _binder = new(options.MaxValueBytes, time);

    public async ValueTask<Failure?> PostAsync(HttpContext context)
    {
        var request = TransactionRequest.Read(context, refuseIdempotency: null);
        var key = IdempotencyKey.Read(context.Request.Headers);
        var bytes = await JsonBody.ReadBytesAsync(context, options.MaxRequestBytes);
        var body = JsonBody.Parse(bytes, ApiJson.Default.TransactBody);
        var asked = _binder.Bind(body, RequestHash.Stamp(key, "POST /v1/transact", "", bytes));

        var result = await transactions.TransactAsync(asked, request.Timeout, context.RequestAborted);
        if (result.Failure is not null)
            return result.Failure;
        if (!IsWhole(asked, result))
            return NotWhole(result);
        if (asked.Writes.Count > 0 && result.Committed)
            KeyHeaders.SetCommitted(context.Response.Headers, result.CommitTimestamp, result.Repeated is not null, request.Session);
        else if (!result.CommitTimestamp.IsZero)
            KeyHeaders.SetSnapshot(context.Response.Headers, result.CommitTimestamp, servedBy: null, request.Session);
        await TransactAnswers.WriteAsync(context, body, asked, result);
        return null;
    }

    /// <summary>
    /// Inside the cluster an attempt without an answer is made again, and a range that had committed it knows the transaction, but not what
    /// it had read.
    /// </summary>
    private static bool IsWhole(TransactRequest asked, TransactResult result) =>
        result.Reads.Count == asked.Reads.Count
        && (!result.Committed || asked.Writes.All(write => write.Increment is null) || result.Increments.Count == asked.Writes.Count);

    private static Failure NotWhole(TransactResult result) => Failure.Unknown(
        ErrorCode.OutcomeUnknown,
        $"Its answer was lost on the way, and what it read is kept only with {IdempotencyKey.Header}. GET /v1/txn/{result.Transaction} tells that it is committed.") with
    {
        Transaction = result.Transaction,
    };
}
