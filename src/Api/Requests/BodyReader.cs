using System.Buffers;
using GrainDb.Api.Errors;
using GrainDb.Interfaces.Errors;
using Microsoft.AspNetCore.Http;

namespace GrainDb.Api.Requests;

/// <summary>Reads a request body into one array, never more than a limit, and refuses by the announced length before reading. Its caller goes on in the thread pool.</summary>
internal static class BodyReader
{
    /// <summary>First array for a body without a length; it doubles up to the limit.</summary>
    private const int FirstGuess = 4096;

    /// <exception cref="GrainDbException"><paramref name="tooLarge"/>: the body is longer than <paramref name="limit"/>.</exception>
    public static ValueTask<byte[]> ReadAsync(HttpContext context, int limit, ErrorCode tooLarge)
    {
        var announced = context.Request.ContentLength;
        if (announced > limit)
            throw TooLarge(tooLarge, limit, announced);
        return announced switch
        {
            0 => ValueTask.FromResult<byte[]>([]),
            { } length => ReadKnownAsync(context, (int)length),
            null => ReadUnknownAsync(context, limit, tooLarge),
        };
    }

    private static async ValueTask<byte[]> ReadKnownAsync(HttpContext context, int length)
    {
        var reader = context.Request.BodyReader;
        var bytes = GC.AllocateUninitializedArray<byte>(length);
        var filled = 0;
        while (true)
        {
            var result = await reader.ReadAsync(context.RequestAborted);
            // Kestrel ends the body at its announced length, so this never overruns the array.
            result.Buffer.CopyTo(bytes.AsSpan(filled));
            filled += (int)result.Buffer.Length;
            reader.AdvanceTo(result.Buffer.End);
            if (filled == length)
            {
                await SocketThreadMiddleware.LeaveAsync();
                return bytes;
            }

            if (result.IsCompleted)
                throw BadInput.Request($"The body ended after {filled} of {length} bytes.");
        }
    }

    private static async ValueTask<byte[]> ReadUnknownAsync(HttpContext context, int limit, ErrorCode tooLarge)
    {
        var reader = context.Request.BodyReader;
        var bytes = Array.Empty<byte>();
        var filled = 0;
        while (true)
        {
            var result = await reader.ReadAsync(context.RequestAborted);
            var more = result.Buffer.Length;
            if (filled + more > limit)
            {
                reader.AdvanceTo(result.Buffer.End);
                throw TooLarge(tooLarge, limit, announced: null);
            }

            Grow(ref bytes, filled, (int)more, limit);
            result.Buffer.CopyTo(bytes.AsSpan(filled));
            filled += (int)more;
            reader.AdvanceTo(result.Buffer.End);
            if (!result.IsCompleted)
                continue;
            await SocketThreadMiddleware.LeaveAsync();
            Array.Resize(ref bytes, filled);
            return bytes;
        }
    }

    private static void Grow(ref byte[] bytes, int filled, int more, int limit)
    {
        if (filled + more <= bytes.Length)
            return;
        var size = Math.Min(limit, Math.Max(Math.Max(FirstGuess, filled + more), (int)Math.Min(bytes.Length * 2L, limit)));
        Array.Resize(ref bytes, Math.Max(size, filled + more));
    }

    private static GrainDbException TooLarge(ErrorCode code, int limit, long? announced)
    {
        var what = code == ErrorCode.ValueTooLarge ? "The value" : "The body";
        return BadInput.Of(code, announced is { } length
            ? $"{what} has {length} bytes; the limit is {limit}."
            : $"{what} has more than the {limit} bytes that are the limit.");
    }
}
