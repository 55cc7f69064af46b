using System.Text.Json;
using GrainDb.Interfaces.Sagas;

namespace GrainDb.Api.Sagas;

/// <summary>Writes what is stored as JSON into answers, with what its key says added.</summary>
internal static class SagaJsonWriter
{
    public static void WriteRow(Utf8JsonWriter writer, SagaRow row)
    {
        writer.WriteStartObject();
        writer.WriteNumber("sequence"u8, row.Sequence);
        WriteMembers(writer, row.Row);
        writer.WriteEndObject();
    }

    public static void WriteDefinition(Utf8JsonWriter writer, StoredSagaDefinition definition)
    {
        writer.WriteStartObject();
        writer.WriteString("name"u8, definition.Name);
        writer.WriteNumber("version"u8, definition.Version);
        writer.WriteString("hash"u8, definition.Hash);
        WriteMembers(writer, definition.Definition);
        writer.WriteEndObject();
    }

    private static void WriteMembers(Utf8JsonWriter writer, ReadOnlyMemory<byte> json)
    {
        using var document = JsonDocument.Parse(json);
        foreach (var member in document.RootElement.EnumerateObject())
            member.WriteTo(writer);
    }
}
