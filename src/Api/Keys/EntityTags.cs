using GrainDb.Api.Errors;
using GrainDb.Api.Requests;
using GrainDb.Interfaces.Keys;
using Microsoft.AspNetCore.Http;

namespace GrainDb.Api.Keys;

/// <summary>
/// <c>ETag</c>, <c>If-Match</c> and <c>If-None-Match</c>. A version is its 16 hex digits in quotes. Writes take one version or
/// <c>*</c>; reads take lists and weak tags too, as RFC 9110 has them.
/// </summary>
internal static class EntityTags
{
    private const int QuotedLength = 18;

    public static string Format(Timestamp version) => $"\"{version}\"";

    /// <summary>The condition of a write.</summary>
    /// <exception cref="Interfaces.Errors.GrainDbException">The headers are malformed or contradict each other.</exception>
    public static WriteCondition ReadWriteCondition(IHeaderDictionary headers)
    {
        var ifMatch = Headers.Single(headers.IfMatch, "If-Match");
        var ifNoneMatch = Headers.Single(headers.IfNoneMatch, "If-None-Match");
        return ParseWriteCondition(ifMatch, ifNoneMatch, quoted: true);
    }

    /// <summary>The same out of text: the headers' values, or the members of an operation of a batch, where quotes may be left out.</summary>
    public static WriteCondition ParseWriteCondition(string? ifMatch, string? ifNoneMatch, bool quoted)
    {
        if (ifMatch is null && ifNoneMatch is null)
            return WriteCondition.None;
        if (ifMatch is not null && ifNoneMatch is not null)
            throw BadInput.Request("If-Match and If-None-Match exclude each other on a write.");
        if (ifNoneMatch is not null)
        {
            return ifNoneMatch.AsSpan().Trim() is "*"
                ? new WriteCondition(ConditionKind.NotExists, Timestamp.Zero)
                : throw BadInput.Request($"If-None-Match is '{QueryParameters.Shorten(ifNoneMatch)}'; on a write only * is offered (must not exist).");
        }

        var match = ifMatch.AsSpan().Trim();
        if (match is "*")
            return new WriteCondition(ConditionKind.Exists, Timestamp.Zero);
        if (TryParseVersion(match, quoted, out var version))
            return new WriteCondition(ConditionKind.VersionEquals, version);
        throw BadInput.Request($"If-Match is '{QueryParameters.Shorten(ifMatch!)}'; it must be * or one version, 16 hex digits in quotes, as ETag gives it.");
    }

    /// <summary>The precondition of a read out of its two headers; null when there is none.</summary>
    public static ReadPrecondition? ReadPrecondition(IHeaderDictionary headers)
    {
        if (headers.IfMatch.Count == 0 && headers.IfNoneMatch.Count == 0)
            return null;
        return new(ParseList(headers.IfMatch, "If-Match"), ParseList(headers.IfNoneMatch, "If-None-Match"));
    }

    private static EntityTagList? ParseList(Microsoft.Extensions.Primitives.StringValues values, string name)
    {
        if (values.Count == 0)
            return null;
        var rest = values.ToString().AsSpan().Trim();
        if (rest is "*")
            return new EntityTagList(Any: true, []);
        var versions = new List<Timestamp>();
        while (!rest.IsEmpty)
        {
            var weak = rest.StartsWith("W/", StringComparison.Ordinal);
            if (weak)
                rest = rest[2..];
            var close = rest.StartsWith('"') ? rest[1..].IndexOf('"') : -1;
            if (close < 0)
                throw BadInput.Request($"{name} is malformed at '{QueryParameters.Shorten(rest.ToString())}'; it must be * or versions in quotes.");
            // A tag of another form is no version of ours: it matches nothing. Strong comparison leaves weak tags out of If-Match.
            if (TryParseVersion(rest[..(close + 2)], quoted: true, out var version) && !(weak && name == "If-Match"))
                versions.Add(version);
            rest = rest[(close + 2)..].TrimStart(" \t");
            if (rest.IsEmpty)
                break;
            if (!rest.StartsWith(','))
                throw BadInput.Request($"{name} is malformed at '{QueryParameters.Shorten(rest.ToString())}'; a comma must stand between tags.");
            rest = rest[1..].TrimStart(" \t");
        }

        return new EntityTagList(Any: false, versions);
    }

    /// <summary>One version: 16 hex digits, in quotes where they are demanded.</summary>
    public static bool TryParseVersion(ReadOnlySpan<char> text, bool quoted, out Timestamp version)
    {
        version = default;
        if (text.Length == QuotedLength && text[0] == '"' && text[^1] == '"')
            text = text[1..^1];
        else if (quoted)
            return false;
        return Timestamp.TryParse(text.ToString(), out version) && !version.IsZero;
    }
}

/// <summary>A parsed list of entity tags.</summary>
/// <param name="Any"><c>*</c>.</param>
/// <param name="Versions">The versions among the tags.</param>
internal sealed record EntityTagList(bool Any, IReadOnlyList<Timestamp> Versions)
{
    public bool Matches(Timestamp version) => Any || Versions.Contains(version);
}

/// <summary>What a conditional read asks.</summary>
/// <param name="IfMatch">412 unless the version is among these.</param>
/// <param name="IfNoneMatch">304 when the version is among these.</param>
internal sealed record ReadPrecondition(EntityTagList? IfMatch, EntityTagList? IfNoneMatch)
{
    /// <summary>Whether <c>If-Match</c> refuses what is there.</summary>
    public bool Refuses(bool found, Timestamp version) => IfMatch is not null && !(found && IfMatch.Matches(version));

    /// <summary>Whether the caller already has this version.</summary>
    public bool IsNotModified(Timestamp version) => IfNoneMatch is not null && IfNoneMatch.Matches(version);
}
