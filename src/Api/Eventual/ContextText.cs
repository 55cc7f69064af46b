using System.Buffers;
using System.Buffers.Text;
using GrainDb.Api.Errors;
using GrainDb.Api.Requests;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Eventual;

namespace GrainDb.Api.Eventual;

/// <summary>What a client has seen of a key, as text that it carries from an answer to its next write without looking inside: base64url.</summary>
internal static class ContextText
{
    private static readonly SearchValues<char> Alphabet = SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_");

    public static string Format(ReadOnlyMemory<byte> context) => Base64Url.EncodeToString(context.Span);

    /// <summary>The context; empty for null.</summary>
    /// <param name="text">What the client gave.</param>
    /// <param name="name">Where it gave it.</param>
    /// <param name="key">The key that is written.</param>
    /// <param name="states">Tells what is wrong with the bytes.</param>
    /// <exception cref="GrainDbException">It is none that this service gave out.</exception>
    public static ReadOnlyMemory<byte> Parse(string? text, string name, ReadOnlyMemory<byte> key, IEventualStates states)
    {
        if (text is null)
            return default;
        if (text.Length == 0)
            throw BadInput.Request($"{name} is empty; leave it out, or give back what an answer had there.");
        if (text.Length > Base64Url.GetEncodedLength(EventualLimits.MaxContextBytes))
            throw BadInput.Request($"{name} has {text.Length} characters; a context has at most {Base64Url.GetEncodedLength(EventualLimits.MaxContextBytes)}.");
        if (text.AsSpan().IndexOfAnyExcept(Alphabet) is >= 0 and var wrong)
            throw BadInput.Request($"{name} is not base64url at position {wrong}: '{QueryParameters.Shorten(text[wrong..])}'. Give it back as an answer had it.");
        var bytes = new byte[Base64Url.GetMaxDecodedLength(text.Length)];
        if (Base64Url.DecodeFromChars(text, bytes, out _, out var written) != OperationStatus.Done)
            throw BadInput.Request($"{name} is not base64url: {text.Length} characters cannot be a whole encoding. Give it back as an answer had it.");
        var context = bytes.AsMemory(0, written);
        return states.ProblemOf(context, key) is { } problem ? throw BadInput.Request($"{name} is not a context that this service gave out for this key: {problem}.") : context;
    }
}
