using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using GrainDb.Api.Errors;
using GrainDb.Api.Requests;
using GrainDb.Interfaces.Transactions;
using Microsoft.AspNetCore.Http;

namespace GrainDb.Api.Idempotency;

/// <summary>
/// <c>Idempotency-Key</c>: chosen by the client for one request that changes something, and sent again with every repetition of it. What
/// took effect is stored with its effect in the range that it changed, and a repetition is given the original answer. What had no effect
/// (a refusal, a check that did not hold) stores nothing and is evaluated anew.
/// </summary>
internal static class IdempotencyKey
{
    public const string Header = "Idempotency-Key";

    /// <summary>Says that an answer is that of the first request, and that nothing was done now.</summary>
    public const string ReplayHeader = "GrainDb-Idempotent-Replay";

    /// <summary>The key; null when the request has none.</summary>
    /// <exception cref="Interfaces.Errors.GrainDbException">It is empty, too long, or has other characters than printable ASCII.</exception>
    public static string? Read(IHeaderDictionary headers)
    {
        if (Headers.Single(headers, Header) is not { } key)
            return null;
        if (key.Length is 0 or > TransactionLimits.MaxIdempotencyKeyLength)
            throw BadInput.Request($"{Header} has {key.Length} characters; it must have 1 to {TransactionLimits.MaxIdempotencyKeyLength}.");
        return key.AsSpan().ContainsAnyExceptInRange(' ', '~')
            ? throw BadInput.Request($"{Header} has characters other than printable ASCII.")
            : key;
    }

    /// <summary>For requests whose repetition it could not make one.</summary>
    public static void Refuse(IHeaderDictionary headers, string why)
    {
        if (headers.ContainsKey(Header))
            throw BadInput.Request($"{Header} is not offered here: {why}");
    }

    /// <summary>
    /// The key of one operation of a batch. It has the batch's key only as a digest, so that no key of a single request is likely to be the same.
    /// </summary>
    public static string OfStep(string key, int index)
    {
        Span<byte> digest = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(Encoding.ASCII.GetBytes(key), digest);
        return string.Create(CultureInfo.InvariantCulture, $"batch:{Convert.ToHexStringLower(digest)}:{index}");
    }

    public static void SetReplay(IHeaderDictionary headers, bool isRepeated)
    {
        if (isRepeated)
            headers[ReplayHeader] = "true";
    }
}
