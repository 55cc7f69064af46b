using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using GrainDb.Api.Errors;
using GrainDb.Api.Keyspaces;
using GrainDb.Api.Requests;
using GrainDb.Interfaces.Errors;
using GrainDb.Interfaces.Eventual;
using GrainDb.Interfaces.Keyspaces;

namespace GrainDb.Api.Crdts;

/// <summary>From a body to an operation that the keyspace's data type has.</summary>
internal static class CrdtBinder
{
    public static CrdtOperation Bind(CrdtBody body, KeyspaceDescriptor keyspace)
    {
        var hasSet = body.Set.ValueKind != JsonValueKind.Undefined;
        var given = (body.Increment is null ? 0 : 1) + (body.Add is null ? 0 : 1) + (body.Remove is null ? 0 : 1) + (hasSet ? 1 : 0);
        if (given != 1)
            throw BadInput.Request("The JSON body is wrong at $: it must have exactly one of increment, add, remove and set.");
        return (keyspace.Conflict, body) switch
        {
            (ConflictPolicy.Counter, { Increment: { } by }) => CrdtOperation.Increment(by),
            (ConflictPolicy.ObservedRemoveSet, { Add: { } added }) => new(CrdtAction.Add, 0, Elements(added, "add")),
            (ConflictPolicy.ObservedRemoveSet or ConflictPolicy.LastWriterWinsMap, { Remove: { } removed }) => new(CrdtAction.Remove, 0, Elements(removed, "remove")),
            (ConflictPolicy.LastWriterWinsMap, { Set: var fields }) when hasSet => new(CrdtAction.Set, 0, Fields(fields)),
            (ConflictPolicy.Register, { Set: var value }) when hasSet => new(CrdtAction.Set, 0, [new(default, Raw(value))]),
            _ => throw BadInput.Unsupported($"Keys of '{keyspace.Name}' are {KeyspaceFinder.NameOf(keyspace.Conflict)}: they take {Offer(keyspace.Conflict)}."),
        };
    }

    private static string Offer(ConflictPolicy policy) => policy switch
    {
        ConflictPolicy.Counter => """{"increment": n}""",
        ConflictPolicy.ObservedRemoveSet => """{"add": […]} and {"remove": […]}""",
        ConflictPolicy.LastWriterWinsMap => """{"set": {field: value}} and {"remove": […]}""",
        _ => """{"set": value}""",
    };

    private static CrdtField[] Elements(List<CrdtElement?> elements, string member)
    {
        if (elements.Count == 0)
            throw BadInput.Request($"The JSON body is wrong at $.{member}: it names nothing.");
        var fields = new CrdtField[elements.Count];
        for (var i = 0; i < fields.Length; i++)
            fields[i] = new(elements[i]?.Bytes ?? throw BadInput.Request($"The JSON body is wrong at $.{member}[{i}]: it is null; an element is a string, or an object with value64."), default);
        return fields;
    }

    private static CrdtField[] Fields(JsonElement set)
    {
        if (set.ValueKind != JsonValueKind.Object)
            throw BadInput.Request("The JSON body is wrong at $.set: an object of fields is expected.");
        var names = new HashSet<string>(StringComparer.Ordinal);
        var fields = new List<CrdtField>();
        foreach (var field in set.EnumerateObject())
        {
            if (!names.Add(field.Name))
                throw BadInput.Request($"The JSON body is wrong at $.set: the field '{QueryParameters.Shorten(field.Name)}' is given twice.");
            fields.Add(new(Encoding.UTF8.GetBytes(field.Name), Raw(field.Value)));
        }

        return fields.Count > 0 ? [.. fields] : throw BadInput.Request("The JSON body is wrong at $.set: it names nothing.");
    }

    private static byte[] Raw(JsonElement value) => JsonMarshal.GetRawUtf8Value(value).ToArray();
}
