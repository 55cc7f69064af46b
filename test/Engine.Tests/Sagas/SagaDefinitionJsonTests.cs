using System.Text;
using System.Text.Json;
using GrainDb.Engine.Sagas;
using Xunit;

namespace GrainDb.Engine.Tests.Sagas;

/// <summary>Definitions as people write them.</summary>
public sealed class SagaDefinitionJsonTests
{
    [Fact]
    public void What_is_left_out_has_its_default_and_the_canonical_form_is_read_as_itself()
    {
        var definition = Read("""{"steps":[{"name":"one","service":"s","action":"do","compensation":"undo"}]}""", out var problems)!;

        Assert.Empty(problems);
        var step = Assert.Single(definition.Steps);
        Assert.Equal((SagaStepKind.Compensatable, SagaDefinitionJson.DefaultTimeout, SagaRetry.Default), (step.Kind, step.Timeout, step.Retry));
        var canonical = SagaDefinitionJson.Encode(definition);
        Assert.Equal(canonical, SagaDefinitionJson.Encode(Read(Encoding.UTF8.GetString(canonical), out _)!));
        Assert.Contains("\"timeout\":\"30s\"", Encoding.UTF8.GetString(canonical), StringComparison.Ordinal);
    }

    [Fact]
    public void The_order_of_members_and_defaults_that_are_written_out_do_not_change_the_hash()
    {
        var first = Read("""{"steps":[{"name":"one","service":"s","action":"do","kind":"pivot","timeout":"30s","input":{"a":1}}],"deadline":"60m"}""", out _)!;
        var second = Read("""{"deadline":"1h","steps":[{"input":{"a":1},"kind":"pivot","action":"do","service":"s","name":"one"}]}""", out _)!;

        Assert.Equal(SagaDefinitionJson.HashOf(SagaDefinitionJson.Encode(first)), SagaDefinitionJson.HashOf(SagaDefinitionJson.Encode(second)));
    }

    [Theory]
    [InlineData("""{"steps":[{"name":"one","service":"s","action":"do","kind":"pivot","compesation":"undo"}]}""", "compesation")]
    [InlineData("""{"steps":[{"name":"one","service":"s","action":"do","kind":"pivot","timeout":"30"}]}""", "'30' is no duration")]
    [InlineData("""{"steps":[{"name":"one","service":"s","action":"do","kind":"pivot","timeout":30}]}""", "a duration is a text")]
    [InlineData("""{"steps":[{"name":"one","service":"s","action":"do","kind":2}]}""", "$.steps[0].kind")]
    [InlineData("""{"steps":[{"name":"one","service":"s","action":"do","kind":"pivot"}],"steps":[]}""", "Duplicate")]
    [InlineData("""{"steps":[null]}""", "a step's name")]
    [InlineData("""{"steps":[{"name":"one","service":"s","action":"do","kind":"pivot","input":{"a":1,"a":2}}]}""", "Duplicate")]
    [InlineData("""{"steps":[{"name":"one","service":"s","action":"do","kind":"pivot","input":"\ud800"}]}""", "surrogate")]
    [InlineData("{}", "0 steps")]
    [InlineData("null", "0 steps")]
    [InlineData("[", "$")]
    public void What_is_wrong_is_said(string json, string what)
    {
        Assert.Null(Read(json, out var problems));
        Assert.Contains(problems, problem => problem.Contains(what, StringComparison.Ordinal));
    }

    [Fact]
    public void Everything_that_is_wrong_is_said_at_once()
    {
        Assert.Null(Read("""{"steps":[{"name":"a","service":"s","action":"do","kind":"retriable"},{"name":"a","service":"","action":"do","timeout":"1ms"}]}""", out var problems));

        Assert.True(problems.Count >= 5, string.Join("; ", problems));
    }

    [Fact]
    public void Any_bytes_are_read_or_told_and_never_thrown_at()
    {
        var random = new Random(1);
        var json = """{"steps":[{"name":"one","service":"s","action":"do","kind":"pivot","retry":{"factor":1.5}}],"deadline":"1h"}"""u8.ToArray();
        for (var i = 0; i < 20_000; i++)
        {
            var damaged = json.ToArray();
            for (var changes = random.Next(1, 4); changes > 0; changes--)
                damaged[random.Next(damaged.Length)] = (byte)random.Next(256);
            var definition = SagaDefinitionJson.Read("made", 1, damaged, out var problems);
            Assert.Equal(definition is null, problems.Count > 0);
        }
    }

    [Fact]
    public void A_template_of_too_many_values_is_refused()
    {
        var input = JsonSerializer.Serialize(Enumerable.Repeat("$.input", 101));
        Assert.Null(Read($$"""{"steps":[{"name":"one","service":"s","action":"do","kind":"pivot","input":{{input}}}]}""", out var problems));
        Assert.Contains("101 values", Assert.Single(problems), StringComparison.Ordinal);
    }

    private static SagaDefinition? Read(string json, out IReadOnlyList<string> problems) => SagaDefinitionJson.Read("made", 1, Encoding.UTF8.GetBytes(json), out problems);
}
